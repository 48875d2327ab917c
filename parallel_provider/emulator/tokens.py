"""Access tokens and refresh tokens: minted, looked up, rotated, revoked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from .clock import Clock
from .organization import Organization


@dataclass(slots=True)
class Grant:
    """What a person approved once: the family that all tokens refreshed from it belong to."""

    organization: Organization
    client_id: str
    scopes: tuple[str, ...]
    expires_at: float
    revoked: bool = False


@dataclass(slots=True)
class AccessToken:
    """A live access token and what it may do; without `expires_at` it lives for ever."""

    organization: Organization
    scopes: tuple[str, ...]
    expires_at: float | None
    grant: Grant | None = None


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; it is remembered after its use, so that a second use is noticed."""

    grant: Grant
    expires_at: float
    used: bool = False


@dataclass(slots=True)
class TokenStore:
    """All tokens that were ever given out since the last reset."""

    clock: Clock
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: dict[str, RefreshToken] = field(default_factory=dict)
    _signing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def clear(self) -> None:
        """Forget every token."""
        self.access.clear()
        self.refresh.clear()

    def mint_access(
        self,
        organization: Organization,
        scopes: Iterable[str],
        lifetime_seconds: float | None,
        grant: Grant | None = None,
    ) -> str:
        """Return a new access token that looks like the real thing: a signed JWT."""
        now = self.clock.now()
        expires_at = None if lifetime_seconds is None else now + lifetime_seconds
        token = AccessToken(organization, tuple(scopes), expires_at, grant)
        claims: dict[str, object] = {
            "iss": "parallel-provider-emulator",
            "sub": organization.user_id,
            "org_id": organization.org_id,
            "scope": " ".join(token.scopes),
            "iat": int(now),
            "jti": secrets.token_hex(16),
        }
        if expires_at is not None:
            claims["exp"] = int(expires_at)
        text = self._sign(claims)
        self.access[text] = token
        return text

    def mint_refresh(self, grant: Grant, lifetime_seconds: float) -> str:
        """Return a new refresh token of this family; it never outlives the authorization."""
        text = f"rt_{secrets.token_urlsafe(32)}"
        expires_at = min(self.clock.now() + lifetime_seconds, grant.expires_at)
        self.refresh[text] = RefreshToken(grant, expires_at)
        return text

    def _sign(self, claims: dict[str, object]) -> str:
        parts = [_encode({"alg": "HS256", "typ": "JWT"}), _encode(claims)]
        signature = hmac.new(self._signing_key, ".".join(parts).encode(), hashlib.sha256)
        return ".".join([*parts, _base64url(signature.digest())])


def _encode(value: dict[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
