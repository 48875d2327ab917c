"""Access tokens, what all of their sources have in common, and times as texts for people."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Protocol

from pydantic import SecretStr

from parallel_provider.errors import CredentialsError
from parallel_provider.jwt import claims_of

LOGIN_HINT = "run `parallel-provider login`"
# A token that expires sooner than this could expire on its way to the server.
EXPIRY_MARGIN_SECONDS = 30.0
# The end of the year 9999, the last one that a date can have.
LATEST_SECONDS = 253_402_300_799.0

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_DATA_KEY = re.compile(r"[A-Za-z0-9_-]{16,}")
_UNITS = ((24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute"))

Clock = Callable[[], float]


@dataclass(frozen=True)
class AccessToken:
    """An access token; `expires_at` is in epoch seconds, None if its source doesn't say."""

    value: SecretStr
    expires_at: float | None = None

    def is_fresh(self, now: float) -> bool:
        """Say whether the token can be sent at `now` (epoch seconds), with the margin to spare."""
        return self.expires_at is None or now < self.expires_at - EXPIRY_MARGIN_SECONDS

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


def expiry_in(token: SecretStr) -> float | None:
    """Return when a JWT says that it expires, in epoch seconds. Its signature isn't checked."""
    end = claims_of(token.get_secret_value()).get("exp")
    if isinstance(end, bool) or not isinstance(end, int | float):
        return None
    return float(end) if 0 <= end <= LATEST_SECONDS else None


def require_access_token(value: SecretStr, origin: str) -> SecretStr:
    """Return `value` if it has the form of an access token.

    Raises CredentialsError, which names the usual mistake: a data API key in its place.
    """
    text = value.get_secret_value()
    if _JWT.fullmatch(text):
        return value
    mistake = "it doesn't have three parts with dots between them"
    if _DATA_KEY.fullmatch(text):
        mistake = "it looks like a data API key, which the Account API refuses"
    raise CredentialsError(
        f"{origin} isn't an access token (a JWT): {mistake}. Sign in with `parallel-provider "
        "login` and do without it, or give what `parallel-provider token` prints"
    )


class TokenSource(Protocol):
    """One configured way to get an access token. Can be used from several threads.

    `origin` says where the token comes from, for the phrase "the access token from …".
    """

    origin: str

    def get(self) -> AccessToken:
        """Return a token that is fresh now; get a new one first if needed.

        Raises CredentialsError, which says what to do.
        """

    def renew(self, rejected: AccessToken) -> AccessToken | None:  # noqa: ARG002 (for subclasses)
        """Return another token than `rejected`, which the server refused with 401.

        None if this source has no other. Raises CredentialsError, which says what to do.
        """
        return None

    def end_warning(self) -> str | None:
        """Return a warning if the sign-in behind this source ends soon, otherwise None.

        Sends no request.
        """
        return None


class StaticToken(TokenSource):
    """A token from the stack configuration or the environment, which can't be renewed here."""

    def __init__(self, value: SecretStr, origin: str) -> None:
        self.origin = origin
        self._token = AccessToken(require_access_token(value, origin), expiry_in(value))

    def get(self) -> AccessToken:
        """Return the token."""
        return self._token


def unexpired_token_of(source: TokenSource, now: float) -> AccessToken:
    """Return a token of `source`. Raises CredentialsError if it can't be renewed, and has expired.

    Only commands that a person runs call this. A request is sent with an expired token too, because
    the clock of this machine may be wrong. So may be what it says of a token that was just fetched.
    """
    token = source.get()
    is_fixed = isinstance(source, StaticToken)
    if is_fixed and token.expires_at is not None and token.is_expired(now):
        raise CredentialsError(
            f"the access token from {source.origin} has ended ({moment(token.expires_at)}): put a "
            "fresh one in its place, or unset it and sign in with `parallel-provider login`"
        )
    return token


class RenewingSource(TokenSource):
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
        self._fresh_until: float | None = None
        self._failures = 0
        self._failure = ""

    def get(self) -> AccessToken:
        """Return a token that is fresh now."""
        return self._token_where(
            lambda _: self._fresh_until is None or self._clock() < self._fresh_until
        )

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return another token than the one that was refused, or None if there is no other."""
        token = self._token_where(lambda token: token.value != rejected.value)
        return token if token.value != rejected.value else None

    def _token_where(self, is_wanted: Callable[[AccessToken], bool]) -> AccessToken:
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
            self._fresh_until = self._end_of_use(self._token)
            return self._token

    def _end_of_use(self, token: AccessToken) -> float | None:
        """Return until when a token that was just fetched is used.

        A token that lives for less than a minute is used for half of its life. With the full
        margin it would be replaced before it was ever sent.
        """
        if token.expires_at is None:
            return None
        left = token.expires_at - self._clock()
        return token.expires_at - min(EXPIRY_MARGIN_SECONDS, max(0.0, left) / 2)


def duration(seconds: float) -> str:
    """Return a time span as text, in its largest whole unit: "3 days", "1 hour"."""
    for length, name in _UNITS:
        count = int(seconds // length)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"


def moment(seconds: float) -> str:
    """Return a point in time (epoch seconds) as text, in UTC: "2026-11-23 14:46 UTC"."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
