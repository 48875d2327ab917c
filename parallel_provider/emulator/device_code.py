"""Device codes (RFC 8628): asked for by a program, decided on by a person, redeemed once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Literal

from .clock import Clock
from .organization import Organization

Decision = Literal["approve", "deny"]

# The official client uses this one when it can't register.
WELL_KNOWN_CLIENT = ("parallel-cli", "parallel-cli")

# No vowels, so that no words appear, and nothing that looks like something else (RFC 8628, 6.1).
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_SLOW_DOWN_SECONDS = 5
# Two polls that were sent an interval apart arrive a little more or less than that apart.
_TOLERANCE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Client:
    """A program that registered itself."""

    client_id: str
    client_name: str


@dataclass(slots=True)
class DeviceCode:
    """A sign-in on its way."""

    device_code: str
    user_code: str
    client: Client
    scopes: tuple[str, ...]
    expires_at: float
    interval: int
    decision: Decision | None = None
    organization: Organization | None = None
    redeemed: bool = False
    polled_at: float | None = None

    def approve(self, organization: Organization) -> None:
        """Let the program act for this organization."""
        self.decision, self.organization = "approve", organization

    def deny(self) -> None:
        """Don't let the program do anything."""
        self.decision = "deny"

    def polled_too_soon(self, now: float) -> bool:
        """Note a poll; one that comes too soon makes the interval longer from now on."""
        before, self.polled_at = self.polled_at, now
        if before is None or now - before >= self.interval - _TOLERANCE_SECONDS:
            return False
        self.interval += _SLOW_DOWN_SECONDS
        return True


@dataclass(slots=True)
class SignIns:
    """The registered programs, and the sign-ins they began."""

    clock: Clock
    clients: dict[str, Client] = field(default_factory=dict)
    by_device_code: dict[str, DeviceCode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget every sign-in, and every program but the one that is always known."""
        self.by_device_code.clear()
        self.clients.clear()
        well_known = Client(*WELL_KNOWN_CLIENT)
        self.clients[well_known.client_id] = well_known

    def register(self, client_name: str) -> Client:
        """Give a program an id."""
        client = Client(f"client_{secrets.token_hex(12)}", client_name)
        self.clients[client.client_id] = client
        return client

    def begin(
        self, client: Client, scopes: tuple[str, ...], lifetime_seconds: float, interval: int
    ) -> DeviceCode:
        """Begin a sign-in for a program."""
        code = DeviceCode(
            device_code=secrets.token_urlsafe(32),
            user_code=_new_user_code(),
            client=client,
            scopes=scopes,
            expires_at=self.clock.now() + lifetime_seconds,
            interval=interval,
        )
        self.by_device_code[code.device_code] = code
        return code

    def find(self, user_code: str) -> DeviceCode | None:
        """Return the sign-in that a person means, however they write its code."""
        wanted = _letters_of(user_code)
        for code in self.by_device_code.values():
            if _letters_of(code.user_code) == wanted and not self.is_expired(code):
                return code
        return None

    def is_expired(self, code: DeviceCode) -> bool:
        """Tell whether it is too late to decide or to redeem."""
        return self.clock.now() >= code.expires_at


def _new_user_code() -> str:
    letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _letters_of(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter.isalpha())
