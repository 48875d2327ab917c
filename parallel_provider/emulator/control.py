"""Control for tests, under `/_emulator`: what there is, and what is to go wrong."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from .device_code import Decision
from .errors import invalid_field, not_found
from .faults import ANY, Fault
from .leaks import secrets_in
from .organization import Organization
from .routes import RouteTable
from .settings import ALL_SCOPES
from .state import EmulatorState, State
from .text import Text

router = APIRouter(prefix="/_emulator", include_in_schema=False)

Json = dict[str, Any]


class _Body(BaseModel):
    """A control request; a misspelt field would be a test that tests nothing."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class OrganizationChange(_Body):
    """What a test wants an organization to look like; what isn't given stays."""

    org_id: Text = ""
    org_name: Text = ""
    credit_balance_cents: float = 0
    pending_debit_balance_cents: float = 0
    will_invoice: bool = False
    has_payment_method: bool = True


class NewOrganization(_Body):
    """Another organization, beside the first."""

    org_id: Text | None = None
    org_name: Text = "Another Organization"


class ClockChange(_Body):
    """How far the emulator's time is from the machine's."""

    offset_seconds: float


class SettingsChange(_Body):
    """What was chosen at start, chosen anew; what isn't given stays."""

    auto_approve: bool = False
    latency_seconds: float = Field(default=0, ge=0)
    token_lifetime_seconds: int = Field(default=420, ge=1)
    poll_interval_seconds: int = Field(default=5, ge=0)
    device_code_lifetime_seconds: int = Field(default=600, ge=1)
    refresh_token_lifetime_seconds: int = Field(default=86_400, ge=1)
    authorization_lifetime_seconds: int = Field(default=86_400, ge=1)


class NewToken(_Body):
    """An access token to mint without signing in; it lives for ever unless told otherwise."""

    scopes: list[str] = list(ALL_SCOPES)
    lifetime_seconds: float | None = None
    org_id: str | None = None


class SignInDecision(_Body):
    """What a person would choose on the page."""

    decision: Decision
    org_id: str | None = None


def _organization(state: EmulatorState, org_id: str | None) -> Organization:
    organization = state.find_organization(org_id)
    if organization is None:
        raise invalid_field(["org_id"], "No such organization")
    return organization


def _organization_state(organization: Organization) -> Json:
    return {
        "org_id": organization.org_id,
        "org_name": organization.org_name,
        "credit_balance_cents": organization.credit_balance_cents,
        "pending_debit_balance_cents": organization.pending_debit_balance_cents,
        "will_invoice": organization.will_invoice,
        "has_payment_method": organization.has_payment_method,
    }


@router.get("/state")
async def get_state(
    state: State, org_id: str | None = None, log_limit: Annotated[int | None, Query(ge=0)] = None
) -> Json:
    """Tell everything about one organization, and what has been asked of the emulator."""
    organization = _organization(state, org_id)
    skipped = 0 if log_limit is None else max(0, len(state.log) - log_limit)
    log = list(state.log)[skipped:]
    return {
        "org": _organization_state(organization),
        "apps": [asdict(app) for app in organization.apps.values()],
        "keys": [
            {
                "api_key_id": key.api_key_id,
                "api_key_name": key.api_key_name,
                "app_id": key.app_id,
                "created_at": key.created_at,
                "revoked_at": key.revoked_at,
            }
            for key in organization.keys.values()
        ],
        "charges": [asdict(charge) for charge in organization.charges],
        "sign_ins": [
            {
                "user_code": code.user_code,
                "client_id": code.client.client_id,
                "client_name": code.client.client_name,
                "scopes": list(code.scopes),
                "expires_at": code.expires_at,
                "decision": code.decision,
            }
            for code in state.sign_ins.by_device_code.values()
        ],
        "requests": dict(state.requests),
        "log": [asdict(logged) for logged in log],
        "faults": [fault.model_dump() for fault in state.faults.waiting],
        "settings": asdict(state.settings),
        "clock": {"offset_seconds": state.clock.offset_seconds, "now": state.clock.now()},
    }


@router.post("/reset")
async def reset(state: State) -> Json:
    """Go back to how it all was at the start."""
    state.reset()
    return {}


@router.patch("/org")
async def change_organization(
    state: State, change: OrganizationChange, org_id: str | None = None
) -> Json:
    """Change what an organization is or has."""
    organization = _organization(state, org_id)
    for name, value in change.model_dump(exclude_unset=True).items():
        setattr(organization, name, value)
    return _organization_state(organization)


@router.post("/orgs")
async def create_organization(state: State, request: NewOrganization) -> Json:
    """Create another organization, and an access token that may do everything in it."""
    if request.org_id and state.find_organization(request.org_id):
        raise invalid_field(["body", "org_id"], "There is one of this id")
    organization = Organization(org_name=request.org_name)
    organization.org_id = request.org_id or organization.org_id
    state.organizations.append(organization)
    token = state.tokens.mint_access(organization, ALL_SCOPES, lifetime_seconds=None)
    return {
        "org_id": organization.org_id,
        "org_name": organization.org_name,
        "access_token": token,
    }


@router.post("/clock")
async def set_clock(state: State, change: ClockChange) -> Json:
    """Shift what is stamped and how expiry is judged."""
    state.clock.offset_seconds = change.offset_seconds
    return {"offset_seconds": state.clock.offset_seconds, "now": state.clock.now()}


@router.patch("/settings")
async def change_settings(state: State, change: SettingsChange) -> Json:
    """Choose anew what was chosen at start."""
    state.settings = replace(state.settings, **change.model_dump(exclude_unset=True))
    return asdict(state.settings)


@router.post("/tokens")
async def mint_token(state: State, request: NewToken) -> Json:
    """Mint an access token, for tests of permissions and of expiry."""
    organization = _organization(state, request.org_id)
    token = state.tokens.mint_access(organization, request.scopes, request.lifetime_seconds)
    return {"access_token": token}


@router.post("/sign-ins/{user_code}")
async def decide_sign_in(state: State, user_code: str, request: SignInDecision) -> Json:
    """Decide on a sign-in without the page."""
    organization = _organization(state, request.org_id)
    code = state.sign_ins.find(user_code)
    if code is None:
        raise not_found("Sign-in")
    if request.decision == "approve":
        code.approve(organization)
    else:
        code.deny()
    return {}


@router.post("/faults")
async def add_fault(state: State, request: Request, fault: Fault) -> Json:
    """Queue a fault."""
    routes = request.app.state.routes
    assert isinstance(routes, RouteTable)  # noqa: S101 - narrows what Starlette keeps untyped
    if fault.path != ANY and fault.path not in routes.templates:
        known = ", ".join(sorted(routes.templates))
        raise invalid_field(["body", "path"], f"No such route; known are: {known}")
    state.faults.add(fault)
    return {"faults": [waiting.model_dump() for waiting in state.faults.waiting]}


@router.delete("/faults")
async def clear_faults(state: State) -> Json:
    """Let everything go well again."""
    state.faults.clear()
    return {"faults": []}


@router.post("/leaks")
async def find_leaks(state: State, request: Request) -> Json:
    """Tell which kinds of secrets occur in the body: tokens, codes and raw keys given out here."""
    return {"leaks": secrets_in((await request.body()).decode(errors="replace"), state)}
