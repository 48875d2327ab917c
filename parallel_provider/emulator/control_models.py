"""The bodies and answers of the control routes under `/_emulator`.

The emulator's routes and `parallel_provider.testing.Emulator` both use these types. This module
needs pydantic alone, so the `Emulator` class can be imported without FastAPI.

Bodies refuse unknown fields: a misspelt field would otherwise make a test that tests nothing.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator, with_config
from typing_extensions import Required, TypedDict

ALL_SCOPES = (
    "keys:read",
    "keys:create",
    "keys:delete",
    "apps:read",
    "apps:create",
    "apps:delete",
    "balance:read",
    "balance:add",
)

Decision = Literal["approve", "deny"]
Role = Literal["administrator", "member"]

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

ANY = "*"
_GIB = 1 << 30
_SIZED_KINDS = ("drip", "endless", "gzip_bomb")
_BODY = ConfigDict(extra="forbid", allow_inf_nan=False)


def require_unicode(text: str) -> str:
    """Refuse a lone surrogate: JSON can spell it as an escape, but UTF-8 can't encode it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("Input should be valid Unicode") from None
    return text


def require_json(text: str) -> str:
    """Refuse text that Python's JSON parser doesn't accept; NaN and Infinity are accepted."""
    require_unicode(text)
    try:
        # Numbers stay text here: Python refuses to convert a number of thousands of digits.
        json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        pass  # nested too deeply for Python's parser, which a test may want to send
    except ValueError:
        raise ValueError("Input should be JSON text, such as NaN or null or '\"text\"'") from None
    return text


Text = Annotated[str, AfterValidator(require_unicode)]
JsonText = Annotated[str, AfterValidator(require_json)]


@with_config(_BODY)
class OrgState(TypedDict, total=False):
    """An organization, and the body of `PATCH /_emulator/org`, which changes the fields it has."""

    org_id: Text
    org_name: Text
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool
    has_payment_method: bool


@with_config(_BODY)
class AppPatch(TypedDict):
    """Body of `PATCH /_emulator/apps/{app_id}`."""

    app_name: Text


@with_config(_BODY)
class NewOrg(TypedDict, total=False):
    """Body of `POST /_emulator/orgs`."""

    org_id: Text
    org_name: Text


@with_config(_BODY)
class NewUser(TypedDict, total=False):
    """Body of `POST /_emulator/users`: by default a member of the first organization."""

    user_email: Text
    role: Role
    org_id: str


@with_config(_BODY)
class ClockOffset(TypedDict):
    """Body of `POST /_emulator/clock`: the emulator's time minus the machine's."""

    offset_seconds: float


@with_config(_BODY)
class Settings(TypedDict, total=False):
    """How the emulator behaves, and the body of `PATCH /_emulator/settings`.

    A `PATCH` changes the fields that it has.
    """

    auto_approve: bool
    latency_seconds: Annotated[float, Field(ge=0)]
    token_lifetime_seconds: Annotated[int, Field(ge=1)]
    poll_interval_seconds: Annotated[int, Field(ge=0)]
    device_code_lifetime_seconds: Annotated[int, Field(ge=1)]
    refresh_token_lifetime_seconds: Annotated[int, Field(ge=1)]
    authorization_lifetime_seconds: Annotated[int, Field(ge=1)]
    rotate_refresh_tokens: bool
    members_list_own_apps: bool
    members_get_404: bool
    sign_in_user_id: str | None


DEFAULT_SETTINGS = Settings(
    auto_approve=False,
    latency_seconds=0,
    token_lifetime_seconds=420,
    poll_interval_seconds=5,
    device_code_lifetime_seconds=600,
    refresh_token_lifetime_seconds=30 * 86_400,
    authorization_lifetime_seconds=90 * 86_400,
    rotate_refresh_tokens=True,
    members_list_own_apps=True,
    members_get_404=False,
    sign_in_user_id=None,
)


@with_config(_BODY)
class NewToken(TypedDict, total=False):
    """Body of `POST /_emulator/tokens`: by default all scopes, and no expiry."""

    scopes: list[str]
    lifetime_seconds: float
    org_id: str
    user_id: str


@with_config(_BODY)
class SignInDecision(TypedDict, total=False):
    """Body of `POST /_emulator/sign-ins/{user_code}`: what a person would choose on the page."""

    decision: Required[Decision]
    org_id: str
    user_id: str


class FaultOptions(TypedDict, total=False):
    """The fields of a fault besides its kind, as Python programs give them. None is not given."""

    method: str
    path: str
    times: int
    after: int
    status: int | None
    headers: dict[str, str] | None
    body: Any
    seconds: float | None
    size_bytes: int | None
    replace: dict[str, str] | None
    remove: list[str] | None


class Fault(BaseModel):
    """Body of `POST /_emulator/faults`: which requests go wrong, and how.

    `method` and `path` say which requests it is for, and `*` means any. The kinds `status` and
    `drop_before` answer without doing the work; all others do the work first. `size_bytes` limits
    a body that otherwise has no end, and is the decompressed size of a gzip bomb.
    """

    model_config = _BODY

    method: str = ANY
    path: str = ANY
    times: int = Field(default=1, ge=1)
    after: int = Field(default=0, ge=0)
    kind: FaultKind
    status: int | None = Field(default=None, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    body: Any = None
    seconds: float = Field(default=1.0, ge=0)
    size_bytes: int = Field(default=_GIB, ge=0, le=4 * _GIB)
    replace: dict[Text, JsonText] = Field(default_factory=dict)
    remove: list[Text] = Field(default_factory=list)

    @model_validator(mode="after")
    def _refuse_arguments_of_other_kinds(self) -> Fault:
        if (self.kind == "odd") != bool(self.replace or self.remove):
            raise ValueError("replace or remove belong to the kind odd, which needs one of them")
        if "size_bytes" in self.model_fields_set and self.kind not in _SIZED_KINDS:
            raise ValueError(f"size_bytes belongs to the kinds {', '.join(_SIZED_KINDS)}")
        return self


class NewOrgState(TypedDict):
    """A new organization, and a token that may do everything in it."""

    org_id: str
    org_name: str
    access_token: str


class UserState(TypedDict):
    """A user of an organization."""

    user_id: str
    user_email: str
    role: Role


class NewUserState(UserState):
    """A new user, and a token with all scopes that acts for this user."""

    access_token: str


class AppState(TypedDict):
    """An app that exists."""

    app_id: str
    app_name: str


class KeyState(TypedDict):
    """A key that was ever created; `revoked_at` is None while it works."""

    api_key_id: str
    api_key_name: str
    app_id: str
    created_by_user_id: str
    created_at: int
    revoked_at: int | None


class ChargeState(TypedDict):
    """A charge that was made."""

    amount_cents: int
    idempotency_key: str
    at: float


class LoggedRequest(TypedDict):
    """A request, in the order of arrival; it holds no secret.

    `status` is None when no answer was sent. Requests of one connection have the same
    `client_port`.
    """

    method: str
    path: str
    at: float
    client_port: int | None
    status: int | None
    fault: FaultKind | None


class SignInState(TypedDict):
    """A sign-in that was started; `decision` is None while nobody has decided."""

    user_code: str
    client_id: str
    client_name: str
    scopes: list[str]
    expires_at: float
    decision: Decision | None


class ClockState(TypedDict):
    """The emulator's time, in epoch seconds."""

    offset_seconds: float
    now: float


class EmulatorState(TypedDict):
    """Answer of `GET /_emulator/state`."""

    org: OrgState
    users: list[UserState]
    apps: list[AppState]
    keys: list[KeyState]
    charges: list[ChargeState]
    sign_ins: list[SignInState]
    requests: dict[str, int]
    log: list[LoggedRequest]
    faults: list[dict[str, Any]]
    settings: Settings
    clock: ClockState
