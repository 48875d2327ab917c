"""What every source of access tokens gives, and what it must be able to do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

# A token this close to its end may die on its way to the server.
EXPIRY_MARGIN_SECONDS = 30.0


@dataclass(frozen=True)
class AccessToken:
    """An access token; `expires_at` is epoch seconds, None when its source doesn't say."""

    value: SecretStr
    expires_at: float | None = None
    margin_seconds: float = EXPIRY_MARGIN_SECONDS

    @classmethod
    def just_issued(cls, value: SecretStr, expires_at: float | None, now: float) -> AccessToken:
        """Make a token than which no newer one can be had at `now`.

        One that lives for less than a minute is used for half its life; with the full margin it
        would be replaced before it was ever sent.
        """
        if expires_at is None:
            return cls(value)
        half_life = max(0.0, expires_at - now) / 2
        return cls(value, expires_at, min(EXPIRY_MARGIN_SECONDS, half_life))

    def is_fresh(self, now: float) -> bool:
        """Say whether it can still be sent at `now` (epoch seconds)."""
        return self.expires_at is None or now < self.expires_at - self.margin_seconds

    def is_alive(self, now: float) -> bool:
        """Say whether it hasn't ended at `now`, by its own account."""
        return self.expires_at is None or now < self.expires_at

    @property
    def fingerprint(self) -> str:
        """A digest that tells tokens apart and can't be turned back into one."""
        return fingerprint(self.value)


def fingerprint(value: SecretStr) -> str:
    """Return the SHA-256 of a secret, in hex."""
    return hashlib.sha256(value.get_secret_value().encode()).hexdigest()


class TokenSource(Protocol):
    """One configured way to get an access token. Safe to use from several threads."""

    @property
    def origin(self) -> str:
        """Where the token comes from, in words that fit "the access token from …"."""

    def get(self) -> AccessToken:
        """Return a token that is fresh now, renewing it first where needed.

        Raises CredentialsError saying what to do.
        """

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return another token than `rejected`, which the server refused with 401.

        None when this source can't have another. Raises CredentialsError saying what to do.
        """

    def end_warning(self) -> str | None:
        """Return what the user should know in time: that the sign-in behind it ends soon.

        Asks nobody; None where nothing is known, or nothing wrong.
        """
