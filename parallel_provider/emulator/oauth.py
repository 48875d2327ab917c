"""What a sign-in consists of: clients, device codes (RFC 8628), grants, and their tokens.

A program gets a device code, a person decides on it, and the program exchanges it for tokens once.
All tokens that come from one approval, by refreshing, belong to one grant.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .control_models import Decision
from .organization import User

# The official client uses this client id when it can't register.
WELL_KNOWN_CLIENT = ("parallel-cli", "parallel-cli")

# No vowels, so that no words appear, and no letters that look like digits (RFC 8628, 6.1).
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_SLOW_DOWN_SECONDS = 5
# Two polls that are sent an interval apart arrive a little more or less than that apart.
_TOLERANCE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Client:
    """A program that registered itself."""

    client_id: str
    client_name: str


@dataclass(slots=True)
class DeviceCode:
    """A sign-in that a program started."""

    device_code: str
    user_code: str
    client: Client
    scopes: tuple[str, ...]
    expires_at: float
    interval: int
    decision: Decision | None = None
    user: User | None = None
    redeemed: bool = False
    polled_at: float | None = None

    def approve(self, user: User) -> None:
        """Let the program act for this user, in the user's organization."""
        self.decision, self.user = "approve", user

    def deny(self) -> None:
        """Refuse the sign-in."""
        self.decision = "deny"

    def is_polled_too_soon(self, now: float) -> bool:
        """Remember this poll. If it comes too soon, make the interval longer (RFC 8628, 3.5)."""
        before, self.polled_at = self.polled_at, now
        if before is None or now - before >= self.interval - _TOLERANCE_SECONDS:
            return False
        self.interval += _SLOW_DOWN_SECONDS
        return True


@dataclass(slots=True)
class SignIns:
    """The registered programs, and the sign-ins that they started."""

    now: Callable[[], float]
    clients: dict[str, Client] = field(default_factory=dict)
    by_device_code: dict[str, DeviceCode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all sign-ins, and all programs but the well-known one."""
        self.by_device_code.clear()
        self.clients.clear()
        well_known = Client(*WELL_KNOWN_CLIENT)
        self.clients[well_known.client_id] = well_known

    def register(self, client_name: str) -> Client:
        """Give a program an id."""
        client = Client(f"client_{secrets.token_hex(12)}", client_name)
        self.clients[client.client_id] = client
        return client

    def start(
        self, client: Client, scopes: tuple[str, ...], lifetime_seconds: float, interval: int
    ) -> DeviceCode:
        """Start a sign-in for a program."""
        code = DeviceCode(
            device_code=secrets.token_urlsafe(32),
            user_code=_new_user_code(),
            client=client,
            scopes=scopes,
            expires_at=self.now() + lifetime_seconds,
            interval=interval,
        )
        self.by_device_code[code.device_code] = code
        return code

    def find(self, user_code: str) -> DeviceCode | None:
        """Return the sign-in with this code, without regard to case, spaces and dashes."""
        wanted = _letters_of(user_code)
        for code in self.by_device_code.values():
            if _letters_of(code.user_code) == wanted and not self.is_expired(code):
                return code
        return None

    def is_expired(self, code: DeviceCode) -> bool:
        """Tell whether the code can't be decided on or exchanged any more."""
        return self.now() >= code.expires_at


@dataclass(slots=True)
class Grant:
    """What a person approved. Its refresh tokens are revoked together."""

    user: User
    client_id: str
    scopes: tuple[str, ...]
    expires_at: float
    revoked: bool = False


@dataclass(slots=True)
class AccessToken:
    """What an access token allows. Without `expires_at` it never expires."""

    user: User
    scopes: tuple[str, ...]
    expires_at: float | None


@dataclass(slots=True)
class RefreshToken:
    """A refresh token. It is kept after its use, so that a second use is noticed."""

    grant: Grant
    expires_at: float
    used: bool = False


@dataclass(slots=True)
class TokenStore:
    """All tokens that were issued since the last reset."""

    now: Callable[[], float]
    access: dict[str, AccessToken] = field(default_factory=dict)
    refresh: dict[str, RefreshToken] = field(default_factory=dict)
    _signing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def clear(self) -> None:
        """Forget all tokens."""
        self.access.clear()
        self.refresh.clear()

    def mint_access(self, user: User, scopes: Iterable[str], lifetime_seconds: float | None) -> str:
        """Return a new access token: a signed JWT, as the API's tokens are."""
        now = self.now()
        expires_at = None if lifetime_seconds is None else now + lifetime_seconds
        token = AccessToken(user, tuple(scopes), expires_at)
        claims: dict[str, object] = {
            "iss": "parallel-provider-emulator",
            "sub": user.user_id,
            "org_id": user.organization.org_id,
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
        """Return a new refresh token of a grant. It expires with the grant at the latest."""
        text = f"rt_{secrets.token_urlsafe(32)}"
        expires_at = min(self.now() + lifetime_seconds, grant.expires_at)
        self.refresh[text] = RefreshToken(grant, expires_at)
        return text

    def _sign(self, claims: dict[str, object]) -> str:
        parts = [_encode({"alg": "HS256", "typ": "JWT"}), _encode(claims)]
        signature = hmac.new(self._signing_key, ".".join(parts).encode(), hashlib.sha256)
        return ".".join([*parts, _base64url(signature.digest())])


def _new_user_code() -> str:
    letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _letters_of(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter.isalpha())


def _encode(value: dict[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
