"""What the emulator tells of itself: the shapes of its control answers."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

FaultKind = Literal[
    "status",
    "drop_before",
    "drop_after",
    "truncate",
    "garbage",
    "delay",
    "hang",
    "drip",
    "endless",
    "gzip_bomb",
    "odd",
]
Decision = Literal["approve", "deny"]


class OrgState(TypedDict):
    """The organization, as the emulator holds it."""

    org_id: str
    org_name: str
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool
    has_payment_method: bool


class AppState(TypedDict):
    """An app that exists."""

    app_id: str
    app_name: str


class KeyState(TypedDict):
    """A key that was ever created; `revoked_at` is None while it works."""

    api_key_id: str
    api_key_name: str
    app_id: str
    created_at: int
    revoked_at: int | None


class ChargeState(TypedDict):
    """A charge that was really made."""

    amount_cents: int
    idempotency_key: str
    at: float


class LoggedRequest(TypedDict):
    """A request in the order of arrival; `status` is None when no answer was sent.

    Requests of one connection have the same `client_port`.
    """

    method: str
    path: str
    at: float
    client_port: int | None
    status: int | None
    fault: FaultKind | None


class SignInState(TypedDict):
    """A sign-in that was begun; `decision` is None while nobody has decided."""

    user_code: str
    client_id: str
    client_name: str
    scopes: list[str]
    expires_at: float
    decision: Decision | None


class EmulatorState(TypedDict):
    """What `GET /_emulator/state` tells."""

    org: OrgState
    apps: list[AppState]
    keys: list[KeyState]
    charges: list[ChargeState]
    sign_ins: list[SignInState]
    requests: dict[str, int]
    log: list[LoggedRequest]
    faults: list[dict[str, Any]]
    settings: dict[str, Any]
    clock: dict[str, float]


class NewOrgState(TypedDict):
    """Another organization, and a token that may do everything in it."""

    org_id: str
    org_name: str
    access_token: str
