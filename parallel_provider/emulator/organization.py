"""An organization and what it owns: apps, keys, balance, charges."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

CLI_APP_NAME = "parallel-cli Users"


@dataclass(slots=True)
class App:
    """An app."""

    app_id: str
    app_name: str


@dataclass(slots=True)
class ApiKey:
    """A key. The server keeps a hash of the raw key, never the raw key itself."""

    api_key_id: str
    api_key_name: str
    app_id: str
    created_at: int
    raw_api_key_sha256: str
    revoked_at: int | None = None


@dataclass(slots=True)
class Charge:
    """A charge to the organization's card."""

    amount_cents: int
    idempotency_key: str
    at: float


@dataclass(slots=True)
class Organization:
    """An organization. A new one has the app `parallel-cli Users`, as at the API."""

    org_id: str = field(default_factory=lambda: f"org_{secrets.token_hex(8)}")
    org_name: str = "Example Organization"
    user_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    user_email: str = "person@example.com"
    credit_balance_cents: float = 0
    pending_debit_balance_cents: float = 0
    will_invoice: bool = False
    has_payment_method: bool = True
    apps: dict[str, App] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ensure_cli_app()

    def ensure_cli_app(self) -> None:
        """Create the app of the official client, unless there is one."""
        if all(app.app_name != CLI_APP_NAME for app in self.apps.values()):
            self.add_app(CLI_APP_NAME)

    def add_app(self, app_name: str) -> App:
        """Create an app. Several apps may have one name."""
        app = App(app_id=str(uuid.uuid4()), app_name=app_name)
        self.apps[app.app_id] = app
        return app
