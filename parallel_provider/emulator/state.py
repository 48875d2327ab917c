"""Everything that the emulator remembers, and its clock.

Only the event loop's thread reads and writes it. No operation awaits between its reads and its
writes, so each request's work is one step and nothing here needs a lock.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.routing import Route

from .control_models import (
    ALL_SCOPES,
    DEFAULT_SETTINGS,
    ChargeState,
    Decision,
    Fault,
    LoggedRequest,
    Role,
    Settings,
)

# The official client uses this client id when it can't register.
_WELL_KNOWN_CLIENT = "parallel-cli"
_CLI_APP_NAME = "parallel-cli Users"
_UNKNOWN_ROUTE = "unknown"
_LOG_LENGTH = 10_000
_LOGGED_PATH_LENGTH = 500


@dataclass(slots=True, eq=False)
class User:
    """A user of an organization. Every access token acts for one user."""

    organization: Organization = field(repr=False)
    user_email: str
    role: Role
    user_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True)
class App:
    """An app."""

    app_id: str
    app_name: str
    created_by: User


@dataclass(slots=True)
class ApiKey:
    """A key. The server keeps a hash of the raw key, never the raw key itself."""

    api_key_id: str
    api_key_name: str
    app_id: str
    created_by: User
    created_at: int
    raw_api_key_sha256: str
    revoked_at: int | None = None


@dataclass(slots=True)
class Organization:
    """An organization.

    A new one has an administrator, and the app `parallel-cli Users`, as at the API.
    """

    org_id: str = field(default_factory=lambda: f"org_{secrets.token_hex(8)}")
    org_name: str = "Example Organization"
    credit_balance_cents: float = 0
    pending_debit_balance_cents: float = 0
    will_invoice: bool = False
    has_payment_method: bool = True
    users: list[User] = field(default_factory=list)
    apps: dict[str, App] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    charges: list[ChargeState] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.users.append(User(self, "person@example.com", "administrator"))
        self.ensure_cli_app()

    def ensure_cli_app(self) -> None:
        """Create the app of the official client, unless there is one."""
        if all(app.app_name != _CLI_APP_NAME for app in self.apps.values()):
            self.add_app(_CLI_APP_NAME, self.users[0])

    def add_app(self, app_name: str, created_by: User) -> App:
        """Create an app. Several apps may have one name."""
        app = App(app_id=str(uuid.uuid4()), app_name=app_name, created_by=created_by)
        self.apps[app.app_id] = app
        return app


@dataclass(slots=True)
class DeviceCode:
    """A sign-in that a program started (RFC 8628). A person decides on it."""

    device_code: str
    user_code: str
    client_id: str
    client_name: str
    scopes: tuple[str, ...]
    expires_at: float
    interval: int
    decision: Decision | None = None
    user: User | None = None
    redeemed: bool = False
    polled_at: float | None = None

    def decide(self, decision: Decision, user: User | None) -> None:
        """Let the program act for this user, or refuse the sign-in."""
        self.decision, self.user = decision, user


@dataclass(slots=True)
class Grant:
    """What a person approved. All tokens that come from it by refreshing belong to it."""

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


class ServerState:
    """The organizations, their tokens, the requests so far, and what tests asked for."""

    def __init__(self, settings: Settings, routes: Sequence[Route]) -> None:
        """Begin with one organization. `routes` are those that are counted and meet faults."""
        self._initial_settings = DEFAULT_SETTINGS | settings
        self.routes = routes
        # Set when the emulator ends, so that delayed answers stop waiting.
        self.closing = asyncio.Event()
        self._first_org_id = Organization().org_id
        self._first_user_id = str(uuid.uuid4())
        self.access_token = ""
        self.reset()
        self.access_token = self.mint_access(self.find_user(), ALL_SCOPES, None)
        self.reset()

    def reset(self) -> None:
        """Go back to the state at the start. The first access token stays valid."""
        self.settings: Settings = self._initial_settings
        self.clock_offset_seconds = 0.0
        self.clients = {_WELL_KNOWN_CLIENT: _WELL_KNOWN_CLIENT}  # names of programs by client id
        self.device_codes: dict[str, DeviceCode] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.faults: list[Fault] = []
        self.requests: Counter[str] = Counter()
        self.log: deque[LoggedRequest] = deque(maxlen=_LOG_LENGTH)
        first = Organization(org_id=self._first_org_id)
        first.users[0].user_id = self._first_user_id
        self.organizations = [first]
        self.access_tokens = {self.access_token: AccessToken(first.users[0], ALL_SCOPES, None)}

    def now(self) -> float:
        """Return the emulator's time in epoch seconds: the machine's, shifted by tests."""
        return time.time() + self.clock_offset_seconds

    def find_user(self, user_id: str | None = None, org_id: str | None = None) -> User:
        """Return the first user, or the one of these ids. Raises LookupError."""
        for organization in self.organizations:
            for user in organization.users:
                if user_id in (None, user.user_id) and org_id in (None, organization.org_id):
                    return user
        raise LookupError(user_id or org_id)

    def user_at_sign_in(self, user_id: str | None = None, org_id: str | None = None) -> User:
        """Return who signs in: this user, or else the user of the settings, or the first user.

        If the user of the settings isn't in the given organization, its own first user signs in.
        """
        if user_id is None:
            try:
                return self.find_user(self.settings["sign_in_user_id"], org_id)
            except LookupError:
                pass
        return self.find_user(user_id, org_id)

    def find_sign_in(self, user_code: str) -> DeviceCode | None:
        """Return the sign-in with this code, without regard to case, spaces and dashes."""
        wanted = _letters_of(user_code)
        for code in self.device_codes.values():
            if _letters_of(code.user_code) == wanted and self.now() < code.expires_at:
                return code
        return None

    def mint_access(self, user: User, scopes: Iterable[str], lifetime_seconds: float | None) -> str:
        """Return a new access token, which looks like a signed JWT, as the API's tokens do."""
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
        # Nobody checks the signature: the emulator looks its tokens up.
        parts = [_json({"alg": "HS256", "typ": "JWT"}), _json(claims), secrets.token_bytes(32)]
        text = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
        self.access_tokens[text] = token
        return text

    def route_of(self, path: str) -> str:
        """Return the route template that a path matches, such as `/service/v1/apps/{app_id}`."""
        matching = (route.path for route in self.routes if route.path_regex.match(path))
        return next(matching, _UNKNOWN_ROUTE)

    def record(self, method: str, path: str, route: str, client_port: int | None) -> LoggedRequest:
        """Count a request and add it to the log."""
        self.requests[f"{method} {route}"] += 1
        logged = LoggedRequest(
            method=method,
            path=path[:_LOGGED_PATH_LENGTH],
            at=self.now(),
            client_port=client_port,
            status=None,
            fault=None,
        )
        self.log.append(logged)
        return logged


async def _state_of(request: Request) -> ServerState:
    """Be a dependency; a function that isn't async would run in another thread."""
    state = request.app.state.emulator
    assert isinstance(state, ServerState)  # noqa: S101 - Starlette doesn't type it
    return state


State = Annotated[ServerState, Depends(_state_of)]


def _letters_of(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter.isalpha())


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
