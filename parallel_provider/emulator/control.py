"""The control routes for tests, under `/_emulator`: what the emulator holds, and what goes wrong.

`control_models.py` has their bodies and answers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query, Request

from .control_models import (
    ALL_SCOPES,
    ANY,
    AppPatch,
    AppState,
    ChargeState,
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
    OrgPatch,
    OrgState,
    Settings,
    SignInDecision,
    SignInState,
    UserState,
)
from .errors import invalid_field, not_found
from .oauth import DeviceCode
from .organization import ApiKey, Organization, User
from .state import ServerState, State

router = APIRouter(prefix="/_emulator", include_in_schema=False)

# `secrets.token_urlsafe(30)` makes raw keys of this length from these characters.
_RAW_KEY_LENGTH = 40
_RAW_KEY_CHARACTERS = re.compile(rf"[A-Za-z0-9_-]{{{_RAW_KEY_LENGTH},}}")


@router.get("/state")
async def get_state(
    state: State, org_id: str | None = None, log_limit: Annotated[int | None, Query(ge=0)] = None
) -> EmulatorState:
    """Return everything about one organization, and the requests so far."""
    organization = _organization(state, org_id)
    skipped = 0 if log_limit is None else max(0, len(state.log) - log_limit)
    return EmulatorState(
        org=_org_state(organization),
        users=[_user_state(user) for user in organization.users],
        apps=[
            AppState(app_id=app.app_id, app_name=app.app_name) for app in organization.apps.values()
        ],
        keys=[_key_state(key) for key in organization.keys.values()],
        charges=[
            ChargeState(
                amount_cents=charge.amount_cents,
                idempotency_key=charge.idempotency_key,
                at=charge.at,
            )
            for charge in organization.charges
        ],
        sign_ins=[_sign_in_state(code) for code in state.sign_ins.by_device_code.values()],
        requests=dict(state.requests),
        log=list(state.log)[skipped:],
        faults=_waiting_faults(state),
        settings=state.settings.model_dump(),
        clock=_clock_state(state),
    )


@router.post("/reset")
async def reset(state: State) -> dict[str, Any]:
    """Go back to the state at the start."""
    state.reset()
    return {}


@router.patch("/org")
async def change_organization(state: State, patch: OrgPatch, org_id: str | None = None) -> OrgState:
    """Change an organization."""
    organization = _organization(state, org_id)
    for name, value in patch.model_dump(exclude_unset=True).items():
        setattr(organization, name, value)
    return _org_state(organization)


@router.patch("/apps/{app_id}")
async def rename_app(state: State, app_id: str, patch: AppPatch) -> AppState:
    """Rename an app of any organization, as a person does in the web console."""
    for organization in state.organizations:
        if app := organization.apps.get(app_id):
            app.app_name = patch.app_name
            return AppState(app_id=app.app_id, app_name=app.app_name)
    raise not_found("App")


@router.post("/orgs")
async def create_organization(state: State, request: NewOrg) -> NewOrgState:
    """Create an organization, and an access token that may do everything in it."""
    if request.org_id and state.find_organization(request.org_id):
        raise invalid_field(["body", "org_id"], "There is one of this id")
    organization = Organization(org_name=request.org_name)
    organization.org_id = request.org_id or organization.org_id
    state.organizations.append(organization)
    return NewOrgState(
        org_id=organization.org_id,
        org_name=organization.org_name,
        access_token=_token_for(state, organization.first_user),
    )


@router.post("/users")
async def create_user(state: State, request: NewUser) -> NewUserState:
    """Add a user to an organization, and return an access token for the user."""
    user = _organization(state, request.org_id).add_user(request.user_email, request.role)
    return NewUserState(**_user_state(user), access_token=_token_for(state, user))


@router.post("/clock")
async def set_clock(state: State, clock: ClockOffset) -> ClockState:
    """Shift the emulator's time."""
    state.clock.offset_seconds = clock.offset_seconds
    return _clock_state(state)


@router.patch("/settings")
async def change_settings(state: State, patch: Settings) -> Settings:
    """Change settings until the next reset."""
    if patch.sign_in_user_id is not None:
        _user(state.find_user(patch.sign_in_user_id))
    state.settings = state.settings.model_copy(update=patch.model_dump(exclude_unset=True))
    return state.settings


@router.post("/tokens")
async def mint_token(state: State, request: NewToken) -> dict[str, str]:
    """Return a new access token, for tests of scopes and of expiry."""
    _organization(state, request.org_id)
    user = _user(state.find_user(request.user_id, request.org_id))
    token = state.tokens.mint_access(user, request.scopes, request.lifetime_seconds)
    return {"access_token": token}


@router.post("/sign-ins/{user_code}")
async def decide_sign_in(state: State, user_code: str, request: SignInDecision) -> dict[str, Any]:
    """Decide on a sign-in without the page."""
    _organization(state, request.org_id)
    user = _user(state.user_at_sign_in(request.user_id, request.org_id))
    code = state.sign_ins.find(user_code)
    if code is None:
        raise not_found("Sign-in")
    if request.decision == "approve":
        code.approve(user)
    else:
        code.deny()
    return {}


@router.post("/faults")
async def add_fault(state: State, fault: Fault) -> dict[str, Any]:
    """Add a fault, and return all faults that are still to come."""
    if fault.path != ANY and fault.path not in state.routes.templates:
        known = ", ".join(sorted(state.routes.templates))
        raise invalid_field(["body", "path"], f"No such route; known are: {known}")
    state.faults.add(fault)
    return {"faults": _waiting_faults(state)}


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
    if any(token in text for token in state.tokens.access):
        found.append("access_token")
    if any(token in text for token in state.tokens.refresh):
        found.append("refresh_token")
    if any(code in text for code in state.sign_ins.by_device_code):
        found.append("device_code")
    if _contains_raw_key(text, state):
        found.append("raw_api_key")
    return {"leaks": found}


def _contains_raw_key(text: str, state: ServerState) -> bool:
    """Compare every place where a raw key can stand, as only the keys' hashes are known."""
    hashes = {
        key.raw_api_key_sha256
        for organization in state.organizations
        for key in organization.keys.values()
    }
    return bool(hashes) and any(
        hashlib.sha256(candidate.encode()).hexdigest() in hashes for candidate in _candidates(text)
    )


def _candidates(text: str) -> Iterator[str]:
    for match in _RAW_KEY_CHARACTERS.finditer(text):
        run = match.group()
        for start in range(len(run) - _RAW_KEY_LENGTH + 1):
            yield run[start : start + _RAW_KEY_LENGTH]


def _organization(state: ServerState, org_id: str | None) -> Organization:
    organization = state.find_organization(org_id)
    if organization is None:
        raise invalid_field(["org_id"], "No such organization")
    return organization


def _user(user: User | None) -> User:
    """Return a user that was searched for, or refuse the request."""
    if user is None:
        raise invalid_field(["body", "user_id"], "No such user")
    return user


def _token_for(state: ServerState, user: User) -> str:
    return state.tokens.mint_access(user, ALL_SCOPES, lifetime_seconds=None)


def _org_state(organization: Organization) -> OrgState:
    return cast(OrgState, {name: getattr(organization, name) for name in OrgPatch.model_fields})


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
        client_id=code.client.client_id,
        client_name=code.client.client_name,
        scopes=list(code.scopes),
        expires_at=code.expires_at,
        decision=code.decision,
    )


def _waiting_faults(state: ServerState) -> list[dict[str, Any]]:
    return [fault.model_dump() for fault in state.faults.waiting]


def _clock_state(state: ServerState) -> ClockState:
    return ClockState(offset_seconds=state.clock.offset_seconds, now=state.clock.now())
