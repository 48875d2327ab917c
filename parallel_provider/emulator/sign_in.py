"""The sign-in, for programs: `/getServiceKeys/register`, `device/code`, `token`, `token/revoke`.

A refresh token can be used once. A second use means that two programs have it, and one may have
stolen it. Nobody can tell which, so the whole grant is revoked, its access tokens included.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from .control_models import ALL_SCOPES, Text
from .errors import OAuthError
from .oauth import Client, DeviceCode, Grant
from .state import ServerState, State

PREFIX = "/getServiceKeys"
VERIFICATION_PATH = f"{PREFIX}/device"

_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100

router = APIRouter(prefix=PREFIX, include_in_schema=False)


class FormFields:
    """The fields of a form. A field that was sent twice is refused (RFC 6749, 3.2)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._fields = dict(pairs)
        if len(self._fields) != len(pairs):
            raise OAuthError("invalid_request", "A parameter was sent more than once")

    def get(self, name: str) -> str:
        """Return a field, or an empty string if it wasn't sent."""
        return self._fields.get(name, "")

    def require(self, name: str) -> str:
        """Return a field, or refuse the request if it wasn't sent."""
        value = self.get(name)
        if not value:
            raise OAuthError("invalid_request", f"Missing parameter: {name}")
        return value


async def _read_form(request: Request) -> FormFields:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"The body has to be {_FORM}")
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise OAuthError("invalid_request", "The body is no form") from None
    return FormFields(pairs)


Form = Annotated[FormFields, Depends(_read_form)]


class ClientRegistration(BaseModel):
    """What a program says about itself."""

    client_name: Text
    platform: dict[str, Any] = {}


@router.post("/register")
async def register(state: State, request: ClientRegistration) -> dict[str, str]:
    """Give a program a client id."""
    return {"client_id": state.sign_ins.register(request.client_name).client_id}


@router.post("/device/code")
async def start_sign_in(
    state: State, request: Request, response: Response, form: Form
) -> dict[str, Any]:
    """Start a sign-in: a secret code for the program, a short one for the person."""
    client = _client(state, form.require("client_id"))
    scopes = tuple(dict.fromkeys(form.get("scope").split())) or ALL_SCOPES
    if not set(scopes) <= set(ALL_SCOPES):
        raise OAuthError("invalid_scope", "Unknown scope; known are: " + " ".join(ALL_SCOPES))
    settings = state.settings
    code = state.sign_ins.start(
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
async def issue_tokens(state: State, response: Response, form: Form) -> dict[str, Any]:
    """Exchange a device code or a refresh token for an access token and a refresh token."""
    grant_type = form.require("grant_type")
    client = _client(state, form.require("client_id"))
    if grant_type == _DEVICE_CODE_GRANT:
        grant = _redeem_device_code(state, client, form.require("device_code"))
    elif grant_type == "refresh_token":
        grant = _use_refresh_token(state, client, form.require("refresh_token"))
    else:
        raise OAuthError("unsupported_grant_type", "Not a grant type of this server")
    response.headers["Cache-Control"] = "no-store"
    return _token_response(state, grant)


@router.post("/token/revoke")
async def revoke(state: State, form: Form) -> dict[str, str]:
    """Revoke a grant by one of its refresh tokens. An unknown token is no error (RFC 7009)."""
    token = state.tokens.refresh.get(form.require("refresh_token"))
    if token is not None:
        token.grant.revoked = True
    return {}


def _client(state: ServerState, client_id: str) -> Client:
    client = state.sign_ins.clients.get(client_id)
    if client is None:
        raise OAuthError("invalid_client", "Unknown client_id")
    return client


def _redeem_device_code(state: ServerState, client: Client, device_code: str) -> Grant:
    """Return a new grant for an approved device code. Raises OAuthError for any other code."""
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


def _refuse_undecided(state: ServerState, code: DeviceCode) -> None:
    if state.sign_ins.is_expired(code):
        raise OAuthError("expired_token", "The device_code has expired")
    if code.decision is None:
        if code.is_polled_too_soon(state.clock.now()):
            raise OAuthError("slow_down", f"Poll every {code.interval} seconds at most")
        raise OAuthError("authorization_pending", "Nobody has decided yet")


def _use_refresh_token(state: ServerState, client: Client, refresh_token: str) -> Grant:
    """Mark a refresh token as used, and return its grant."""
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


def _token_response(state: ServerState, grant: Grant) -> dict[str, Any]:
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
