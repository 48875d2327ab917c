"""Signing in, for programs: `/getServiceKeys/register`, `device/code`, `token`, `token/revoke`.

A refresh token can be used once. A second use means that two hold it, one of whom may have stolen
it, and nobody can tell which: the whole grant is revoked, its access tokens included.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from .device_code import Client, DeviceCode
from .oauth import Form, OAuthError
from .settings import ALL_SCOPES
from .state import EmulatorState, State
from .text import Text
from .tokens import Grant

PREFIX = "/getServiceKeys"
VERIFICATION_PATH = f"{PREFIX}/device"

_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

router = APIRouter(prefix=PREFIX, include_in_schema=False)


class ClientRegistration(BaseModel):
    """What a program tells of itself."""

    client_name: Text
    platform: dict[str, Any] = {}


@router.post("/register")
async def register(state: State, request: ClientRegistration) -> dict[str, str]:
    """Give a program an id of its own."""
    return {"client_id": state.sign_ins.register(request.client_name).client_id}


@router.post("/device/code")
async def begin(state: State, request: Request, response: Response, form: Form) -> dict[str, Any]:
    """Begin a sign-in: a secret code for the program, a short one for a person."""
    client = _client(state, form.require("client_id"))
    scopes = tuple(dict.fromkeys(form.get("scope").split())) or ALL_SCOPES
    if not set(scopes) <= set(ALL_SCOPES):
        raise OAuthError("invalid_scope", "Unknown scope; known are: " + " ".join(ALL_SCOPES))
    settings = state.settings
    code = state.sign_ins.begin(
        client, scopes, settings.device_code_lifetime_seconds, settings.poll_interval_seconds
    )
    if settings.auto_approve:
        code.approve(state.organization)
    uri = str(request.base_url).rstrip("/") + VERIFICATION_PATH
    response.headers["Cache-Control"] = "no-store"
    return {
        "device_code": code.device_code,
        "user_code": code.user_code,
        "verification_uri": uri,
        "verification_uri_complete": f"{uri}?{urlencode({'user_code': code.user_code})}",
        "expires_in": settings.device_code_lifetime_seconds,
        "interval": code.interval,
    }


@router.post("/token")
async def give_tokens(state: State, response: Response, form: Form) -> dict[str, Any]:
    """Exchange a decided device code, or a refresh token, for a pair of tokens."""
    grant_type = form.require("grant_type")
    client = _client(state, form.require("client_id"))
    if grant_type == _DEVICE_CODE_GRANT:
        grant = _redeem(state, client, form.require("device_code"))
    elif grant_type == "refresh_token":
        grant = _rotate(state, client, form.require("refresh_token"))
    else:
        raise OAuthError("unsupported_grant_type", "Not a grant type of this server")
    response.headers["Cache-Control"] = "no-store"
    return _token_response(state, grant)


@router.post("/token/revoke")
async def revoke(state: State, form: Form) -> dict[str, str]:
    """Revoke a grant by one of its refresh tokens; one that isn't known is revoked enough."""
    token = state.tokens.refresh.get(form.require("refresh_token"))
    if token is not None:
        token.grant.revoked = True
    return {}


def _client(state: EmulatorState, client_id: str) -> Client:
    client = state.sign_ins.clients.get(client_id)
    if client is None:
        raise OAuthError("invalid_client", "Unknown client_id")
    return client


def _redeem(state: EmulatorState, client: Client, device_code: str) -> Grant:
    """Return a new grant for an approved code, or say where its sign-in stands."""
    code = state.sign_ins.by_device_code.get(device_code)
    if code is None or code.client != client or code.redeemed:
        raise OAuthError("invalid_grant", "Unknown device_code, or one that was used")
    _refuse_undecided(state, code)
    if code.organization is None:
        raise OAuthError("access_denied", "The sign-in was denied")
    code.redeemed = True
    return Grant(
        organization=code.organization,
        client_id=client.client_id,
        scopes=code.scopes,
        expires_at=state.clock.now() + state.settings.authorization_lifetime_seconds,
    )


def _refuse_undecided(state: EmulatorState, code: DeviceCode) -> None:
    if state.sign_ins.is_expired(code):
        raise OAuthError("expired_token", "The device_code has expired")
    if code.decision is None:
        if code.polled_too_soon(state.clock.now()):
            raise OAuthError("slow_down", f"Poll every {code.interval} seconds at most")
        raise OAuthError("authorization_pending", "Nobody has decided yet")


def _rotate(state: EmulatorState, client: Client, refresh_token: str) -> Grant:
    """Use up a refresh token and return its grant."""
    token = state.tokens.refresh.get(refresh_token)
    if token is None or token.grant.client_id != client.client_id:
        raise OAuthError("invalid_grant", "Unknown refresh_token")
    if token.grant.revoked:
        raise OAuthError("invalid_grant", "The authorization was revoked")
    if token.used:
        token.grant.revoked = True
        raise OAuthError("invalid_grant", "This refresh_token was used before: all are revoked")
    if state.clock.now() >= token.expires_at:
        raise OAuthError("invalid_grant", "The refresh_token has expired")
    token.used = True
    return token.grant


def _token_response(state: EmulatorState, grant: Grant) -> dict[str, Any]:
    now, settings = state.clock.now(), state.settings
    organization = grant.organization
    lifetime = settings.token_lifetime_seconds
    access_token = state.tokens.mint_access(organization, grant.scopes, lifetime, grant)
    refresh_token = state.tokens.mint_refresh(grant, settings.refresh_token_lifetime_seconds)
    refresh_expires_at = state.tokens.refresh[refresh_token].expires_at
    return {
        "access_token": access_token,
        "refresh_token": refresh_token,
        "token_type": "Bearer",
        "expires_in": lifetime,
        "refresh_token_expires_in": round(refresh_expires_at - now),
        "authorization_expires_in": round(grant.expires_at - now),
        "org_id": organization.org_id,
        "org_name": organization.org_name,
        "scope": " ".join(grant.scopes),
    }
