"""What every source of access tokens gives, and what it must be able to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import SecretStr

# A token this close to its end may die on its way to the server.
EXPIRY_MARGIN_SECONDS = 30


@dataclass(frozen=True)
class AccessToken:
    """An access token; `expires_at` is epoch seconds, None when its source doesn't say."""

    value: SecretStr
    expires_at: float | None = None

    def is_fresh(self, now: float) -> bool:
        """Say whether it can still be sent at `now` (epoch seconds)."""
        return self.expires_at is None or now < self.expires_at - EXPIRY_MARGIN_SECONDS


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
