"""An organization: its users, apps, keys, balance and charges."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

from .control_models import Role

CLI_APP_NAME = "parallel-cli Users"


@dataclass(slots=True, eq=False)
class User:
    """A user of an organization. Every access token acts for one user."""

    organization: Organization = field(repr=False)
    user_email: str
    role: Role
    user_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def may_revoke(self, key: ApiKey) -> bool:
        """Tell whether this user manages the key: members manage those that they created."""
        return self.role == "administrator" or key.created_by is self


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
class Charge:
    """A charge to the organization's card."""

    amount_cents: int
    idempotency_key: str
    at: float


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
    first_user_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    users: list[User] = field(default_factory=list)
    apps: dict[str, App] = field(default_factory=dict)
    keys: dict[str, ApiKey] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = User(self, "person@example.com", "administrator", self.first_user_id)
        self.users.append(first)
        self.ensure_cli_app()

    @property
    def first_user(self) -> User:
        """The administrator that the organization starts with."""
        return self.users[0]

    def add_user(self, user_email: str | None, role: Role) -> User:
        """Add a user to the organization."""
        user = User(self, user_email or f"person{len(self.users) + 1}@example.com", role)
        self.users.append(user)
        return user

    def ensure_cli_app(self) -> None:
        """Create the app of the official client, unless there is one."""
        if all(app.app_name != CLI_APP_NAME for app in self.apps.values()):
            self.add_app(CLI_APP_NAME, self.first_user)

    def add_app(self, app_name: str, created_by: User) -> App:
        """Create an app. Several apps may have one name."""
        app = App(app_id=str(uuid.uuid4()), app_name=app_name, created_by=created_by)
        self.apps[app.app_id] = app
        return app
