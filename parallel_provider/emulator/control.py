"""The control routes for tests, under `/_emulator`: what the emulator holds, and what goes wrong.

`control_models.py` has their bodies and answers.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request

from .control_models import (
    ALL_SCOPES,
    ANY,
    AppPatch,
    AppState,
    ClockOffset,
    ClockState,
    EmulatorState,
    Fault,
    KeyState,
    NewOrg,
    NewOrgState,
    NewToken,
    NewUser,
    NewUserState,
    OrgState,
    Settings,
    SignInDecision,
    SignInState,
    UserState,
)
from .refusals import invalid_field, not_found
from .state import ApiKey, DeviceCode, Organization, ServerState, State, User

router = APIRouter(prefix="/_emulator", include_in_schema=False)

# Every place where a raw key can stand: `secrets.token_urlsafe(30)` makes it of 40 characters.
_RAW_KEY_PLACES = re.compile(r"(?=([A-Za-z0-9_-]{40}))")


@router.get("/state")
async def get_state(
    state: State, org_id: str | None = None, log_limit: Annotated[int | None, Query(ge=0)] = None
) -> EmulatorState:
    """Return everything about one organization, and the requests so far."""
    organization = _first_user(state, org_id=org_id).organization
    skipped = 0 if log_limit is None else max(0, len(state.log) - log_limit)
    return EmulatorState(
        org=_org_state(organization),
        users=[_user_state(user) for user in organization.users],
        apps=[
            AppState(app_id=app.app_id, app_name=app.app_name) for app in organization.apps.values()
        ],
        keys=[_key_state(key) for key in organization.keys.values()],
        charges=organization.charges,
        sign_ins=[_sign_in_state(code) for code in state.device_codes.values()],
        requests=dict(state.requests),
        log=list(state.log)[skipped:],
        faults=[fault.model_dump() for fault in state.faults],
        settings=state.settings,
        clock=_clock_state(state),
    )


@router.post("/reset")
async def reset(state: State) -> dict[str, Any]:
    """Go back to the state at the start."""
    state.reset()
    return {}


@router.patch("/org")
async def change_organization(state: State, patch: OrgState, org_id: str | None = None) -> OrgState:
    """Change an organization."""
    organization = _first_user(state, org_id=org_id).organization
    for name, value in patch.items():
        setattr(organization, name, value)
    return _org_state(organization)


@router.patch("/apps/{app_id}")
async def rename_app(state: State, app_id: str, patch: AppPatch) -> AppState:
    """Rename an app of any organization, as a person does in the web console."""
    for organization in state.organizations:
        if app := organization.apps.get(app_id):
            app.app_name = patch["app_name"]
            return AppState(app_id=app.app_id, app_name=app.app_name)
    raise not_found("App")


@router.post("/orgs")
async def create_organization(state: State, request: NewOrg) -> NewOrgState:
    """Create an organization, and an access token that may do everything in it."""
    if any(request.get("org_id") == existing.org_id for existing in state.organizations):
        raise invalid_field(["body", "org_id"], "There is one of this id")
    organization = Organization(org_name=request.get("org_name", "Another Organization"))
    organization.org_id = request.get("org_id", organization.org_id)
    state.organizations.append(organization)
    return NewOrgState(
        org_id=organization.org_id,
        org_name=organization.org_name,
        access_token=state.mint_access(organization.users[0], ALL_SCOPES, None),
    )


@router.post("/users")
async def create_user(state: State, request: NewUser) -> NewUserState:
    """Add a user to an organization, and return an access token for the user."""
    organization = _first_user(state, org_id=request.get("org_id")).organization
    email = request.get("user_email") or f"person{len(organization.users) + 1}@example.com"
    user = User(organization, email, request.get("role", "member"))
    organization.users.append(user)
    token = state.mint_access(user, ALL_SCOPES, None)
    return NewUserState(**_user_state(user), access_token=token)


@router.post("/clock")
async def set_clock(state: State, clock: ClockOffset) -> ClockState:
    """Shift the emulator's time."""
    state.clock_offset_seconds = clock["offset_seconds"]
    return _clock_state(state)


@router.patch("/settings")
async def change_settings(state: State, patch: Settings) -> Settings:
    """Change settings until the next reset."""
    _first_user(state, patch.get("sign_in_user_id"))
    state.settings = state.settings | patch
    return state.settings


@router.post("/tokens")
async def mint_token(state: State, request: NewToken) -> dict[str, str]:
    """Return a new access token, for tests of scopes and of expiry."""
    user = _first_user(state, request.get("user_id"), request.get("org_id"))
    scopes = request.get("scopes", ALL_SCOPES)
    return {"access_token": state.mint_access(user, scopes, request.get("lifetime_seconds"))}


@router.post("/sign-ins/{user_code}")
async def decide_sign_in(state: State, user_code: str, request: SignInDecision) -> dict[str, Any]:
    """Decide on a sign-in without the page."""
    user_id, org_id = request.get("user_id"), request.get("org_id")
    _first_user(state, user_id, org_id)
    code = state.find_sign_in(user_code)
    if code is None:
        raise not_found("Sign-in")
    code.decide(request["decision"], state.user_at_sign_in(user_id, org_id))
    return {}


@router.post("/faults")
async def add_fault(state: State, fault: Fault) -> dict[str, Any]:
    """Add a fault, and return all faults that are still to come."""
    known = sorted({route.path for route in state.routes})
    if fault.path not in (ANY, *known):
        raise invalid_field(["body", "path"], f"No such route; known are: {', '.join(known)}")
    state.faults.append(fault)
    return {"faults": state.faults}


@router.delete("/faults")
async def clear_faults(state: State) -> dict[str, Any]:
    """Remove all faults."""
    state.faults.clear()
    return {"faults": []}


@router.post("/leaks")
async def find_leaks(state: State, request: Request) -> dict[str, list[str]]:
    """Return the kinds of secrets of this emulator that the body contains."""
    text = (await request.body()).decode(errors="replace")
    found = []
    if any(token in text for token in state.access_tokens):
        found.append("access_token")
    if any(token in text for token in state.refresh_tokens):
        found.append("refresh_token")
    if any(code in text for code in state.device_codes):
        found.append("device_code")
    hashes = {
        key.raw_api_key_sha256
        for organization in state.organizations
        for key in organization.keys.values()
    }
    if hashes and any(
        hashlib.sha256(place[1].encode()).hexdigest() in hashes
        for place in _RAW_KEY_PLACES.finditer(text)
    ):
        found.append("raw_api_key")
    return {"leaks": found}


def _first_user(state: ServerState, user_id: str | None = None, org_id: str | None = None) -> User:
    """Return the first user, of this id or organization if one is given, or refuse the request."""
    try:
        return state.find_user(user_id, org_id)
    except LookupError:
        wrong = "user_id" if user_id else "org_id"
        raise invalid_field([wrong], "No such user or organization") from None


def _org_state(organization: Organization) -> OrgState:
    return cast(OrgState, {name: getattr(organization, name) for name in OrgState.__annotations__})


def _user_state(user: User) -> UserState:
    return UserState(user_id=user.user_id, user_email=user.user_email, role=user.role)


def _key_state(key: ApiKey) -> KeyState:
    return KeyState(
        api_key_id=key.api_key_id,
        api_key_name=key.api_key_name,
        app_id=key.app_id,
        created_by_user_id=key.created_by.user_id,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
    )


def _sign_in_state(code: DeviceCode) -> SignInState:
    return SignInState(
        user_code=code.user_code,
        client_id=code.client_id,
        client_name=code.client_name,
        scopes=list(code.scopes),
        expires_at=code.expires_at,
        decision=code.decision,
    )


def _clock_state(state: ServerState) -> ClockState:
    return ClockState(offset_seconds=state.clock_offset_seconds, now=state.now())
