"""Access tokens, and the sources that they come from."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

from parallel_provider.credentials.times import epoch_seconds, moment
from parallel_provider.errors import CredentialsError
from parallel_provider.jwt import claims_of

# A token that expires sooner than this could expire on its way to the server.
EXPIRY_MARGIN_SECONDS = 30.0

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_DATA_KEY = re.compile(r"[A-Za-z0-9_-]{16,}")

Clock = Callable[[], float]


@dataclass(frozen=True)
class AccessToken:
    """An access token; `expires_at` is in epoch seconds, None if its source doesn't say."""

    value: SecretStr
    expires_at: float | None = None
    margin_seconds: float = EXPIRY_MARGIN_SECONDS

    @classmethod
    def just_issued(cls, value: SecretStr, expires_at: float | None, now: float) -> AccessToken:
        """Make a token that its source has issued just now.

        A token that lives for less than a minute is used for half of its life. With the full
        margin it would be replaced before it was ever sent.
        """
        if expires_at is None:
            return cls(value)
        half_life = max(0.0, expires_at - now) / 2
        return cls(value, expires_at, min(EXPIRY_MARGIN_SECONDS, half_life))

    def is_fresh(self, now: float) -> bool:
        """Say whether the token can be sent at `now` (epoch seconds), with the margin to spare."""
        return self.expires_at is None or now < self.expires_at - self.margin_seconds

    def is_expired(self, now: float) -> bool:
        """Say whether the token has expired at `now`, as far as its source says."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def fingerprint(self) -> str:
        """A hash that is different for each token, and doesn't tell the token."""
        return fingerprint(self.value)


def fingerprint(value: SecretStr) -> str:
    """Return the SHA-256 of a secret, in hex."""
    return hashlib.sha256(value.get_secret_value().encode()).hexdigest()


def require_access_token(value: SecretStr, origin: str) -> SecretStr:
    """Return `value` if it has the form of an access token.

    Raises CredentialsError, which names the usual mistake: a data API key in its place.
    """
    text = value.get_secret_value()
    if _JWT.fullmatch(text):
        return value
    if _DATA_KEY.fullmatch(text):
        mistake = "it looks like a data API key, which the Account API refuses"
    else:
        mistake = "that has three parts with dots between them"
    raise CredentialsError(
        f"{origin} isn't an access token (a JWT): {mistake}. Sign in with `parallel-provider "
        "login` and do without it, or give what `parallel-provider token` prints"
    )


def jwt_expiry(token: SecretStr) -> float | None:
    """Return the `exp` of a JWT (epoch seconds), or None if it has none.

    The signature isn't checked, so this is only for telling a person when a token expires.
    """
    return epoch_seconds(claims_of(token.get_secret_value()).get("exp"))


class TokenSource(Protocol):
    """One configured way to get an access token. Can be used from several threads."""

    @property
    def origin(self) -> str:
        """Where the token comes from, for the phrase "the access token from …"."""

    def get(self) -> AccessToken:
        """Return a token that is fresh now; get a new one first if needed.

        Raises CredentialsError, which says what to do.
        """

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return another token than `rejected`, which the server refused with 401.

        None if this source has no other. Raises CredentialsError, which says what to do.
        """

    def end_warning(self) -> str | None:
        """Return a warning if the sign-in behind this source ends soon, otherwise None.

        Sends no request.
        """


class StaticToken:
    """A token from the stack configuration or the environment, which can't be renewed here."""

    def __init__(self, value: SecretStr, origin: str) -> None:
        self.origin = origin
        self._token = AccessToken(require_access_token(value, origin), jwt_expiry(value))

    def get(self) -> AccessToken:
        """Return the token."""
        return self._token

    @property
    def expires_at(self) -> float | None:
        """When the token expires (epoch seconds), or None if it doesn't say."""
        return self._token.expires_at

    def require_not_expired(self, now: float) -> None:
        """Raise CredentialsError if the token says that it has expired.

        Only commands that a person runs call this. A request is sent with an expired token too,
        because the clock of this machine may be wrong.
        """
        if self._token.is_expired(now):
            raise CredentialsError(
                f"the access token from {self.origin} has ended ({moment(self.expires_at or 0)}): "
                "put a fresh one in its place, or unset it and sign in with "
                "`parallel-provider login`"
            )

    def renew(self, rejected: AccessToken) -> AccessToken | None:  # noqa: ARG002 (TokenSource)
        """Return None: there is no other token."""
        return None

    def end_warning(self) -> str | None:
        """Return None: nothing is known about the sign-in behind the token."""
        return None


class RenewingSource:
    """Base of the sources whose tokens are renewed: keeps the newest token in memory.

    `fetch` gets the current token, which is no longer wanted (None at first), and returns another
    one if there is one. Only one thread at a time calls it. The threads that waited meanwhile
    share its result, also if that is an error.
    """

    def __init__(
        self,
        origin: str,
        fetch: Callable[[AccessToken | None], AccessToken],
        clock: Clock = time.time,
    ) -> None:
        self.origin = origin
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._failures = 0
        self._failure = ""

    def get(self) -> AccessToken:
        """Return a token that is fresh now."""
        return self._token_where(lambda token: token.is_fresh(self._clock()))

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return another token than the one that was refused, or None if there is no other."""
        unwanted = rejected.fingerprint
        token = self._token_where(lambda token: token.fingerprint != unwanted)
        return token if token.fingerprint != unwanted else None

    def end_warning(self) -> str | None:
        """Return None: this source gets new tokens without a person."""
        return None

    def _token_where(self, is_wanted: Callable[[AccessToken], bool]) -> AccessToken:
        if self._token is not None and is_wanted(self._token):
            return self._token
        failures = self._failures
        with self._lock:
            if self._token is not None and is_wanted(self._token):
                return self._token
            if self._failures != failures:
                # The fetch failed while this thread waited for the lock. Another fetch would only
                # make every waiting thread wait for a server that is down.
                raise CredentialsError(self._failure)
            try:
                self._token = self._fetch(self._token)
            except CredentialsError as error:
                self._failures += 1
                self._failure = str(error)
                raise
            return self._token
