"""The sign-in, for programs: `/getServiceKeys/register`, `device/code`, `token`, `token/revoke`.

A refresh token can be used once. A second use means that two programs have it, and one may have
stolen it. Nobody can tell which, so the whole grant is revoked. Access tokens stay valid until they
expire, as at the API: a revocation doesn't affect them.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from .control_models import ALL_SCOPES, Text
from .errors import NO_CACHING, OAuthError
from .oauth import Client, DeviceCode, Grant, RefreshToken
from .state import ServerState, State

PREFIX = "/getServiceKeys"
VERIFICATION_PATH = f"{PREFIX}/device"

_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100


async def _forbid_caching(response: Response) -> None:
    """Keep codes and tokens out of caches (RFC 6749, 5.1; RFC 7591, 3.2.1; RFC 8628, 3.2)."""
    response.headers.update(NO_CACHING)


router = APIRouter(prefix=PREFIX, include_in_schema=False, dependencies=[Depends(_forbid_caching)])


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
async def start_sign_in(state: State, request: Request, form: Form) -> dict[str, Any]:
    """Start a sign-in: a secret code for the program, a short one for the person."""
    client = _client(state, form.require("client_id"))
    settings = state.settings
    code = state.sign_ins.start(
        client,
        _scopes(form, allowed=ALL_SCOPES),
        settings.device_code_lifetime_seconds,
        settings.poll_interval_seconds,
    )
    user = state.user_at_sign_in()
    if settings.auto_approve and user:
        code.approve(user)
    uri = str(request.base_url).rstrip("/") + VERIFICATION_PATH
    return {
        "device_code": code.device_code,
        "user_code": code.user_code,
        "verification_uri": uri,
        "verification_uri_complete": f"{uri}?{urlencode({'user_code': code.user_code})}",
        "expires_in": settings.device_code_lifetime_seconds,
        "interval": code.interval,
    }


@router.post("/token")
async def issue_tokens(state: State, form: Form) -> dict[str, Any]:
    """Exchange a device code or a refresh token for tokens."""
    grant_type = form.require("grant_type")
    if grant_type == _DEVICE_CODE_GRANT:
        return _redeem_device_code(state, form)
    if grant_type == "refresh_token":
        return _refresh(state, form)
    raise OAuthError("unsupported_grant_type", "Not a grant type of this server")


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


def _scopes(form: FormFields, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requested scopes, or all allowed ones if the form has none."""
    scopes = tuple(dict.fromkeys(form.get("scope").split())) or allowed
    if not set(scopes) <= set(allowed):
        raise OAuthError("invalid_scope", "Not allowed; allowed are: " + " ".join(allowed))
    return scopes


def _redeem_device_code(state: ServerState, form: FormFields) -> dict[str, Any]:
    """Return the first tokens of a new grant, if the device code is approved."""
    client = _client(state, form.require("client_id"))
    code = state.sign_ins.by_device_code.get(form.require("device_code"))
    if code is None or code.client != client or code.redeemed:
        raise OAuthError("invalid_grant", "Unknown device_code, or one that was used")
    _refuse_undecided(state, code)
    if code.user is None:
        raise OAuthError("access_denied", "The sign-in was denied")
    code.redeemed = True
    # The official client makes its data key in this app, so a sign-in makes sure that it exists.
    code.user.organization.ensure_cli_app()
    grant = Grant(
        user=code.user,
        client_id=client.client_id,
        scopes=code.scopes,
        expires_at=state.clock.now() + state.settings.authorization_lifetime_seconds,
    )
    return _access_token(state, grant, grant.scopes) | _refresh_token(state, grant)


def _refuse_undecided(state: ServerState, code: DeviceCode) -> None:
    if state.sign_ins.is_expired(code):
        raise OAuthError("expired_token", "The device_code has expired")
    if code.decision is None:
        if code.is_polled_too_soon(state.clock.now()):
            raise OAuthError("slow_down", f"Poll every {code.interval} seconds at most")
        raise OAuthError("authorization_pending", "Nobody has decided yet")


def _refresh(state: ServerState, form: FormFields) -> dict[str, Any]:
    """Return the next tokens of a grant. `client_id` and `scope` may be left out.

    A narrower scope is for the new access token only (RFC 6749, 6). The settings decide whether
    the refresh token is replaced or stays valid.
    """
    token = _valid_refresh_token(state, form)
    grant = token.grant
    answer = _access_token(state, grant, _scopes(form, allowed=grant.scopes))
    if not state.settings.rotate_refresh_tokens:
        return answer
    token.used = True
    return answer | _refresh_token(state, grant)


def _valid_refresh_token(state: ServerState, form: FormFields) -> RefreshToken:
    token = state.tokens.refresh.get(form.require("refresh_token"))
    client_id = form.get("client_id")
    client = _client(state, client_id) if client_id else None
    if token is None or (client and token.grant.client_id != client.client_id):
        raise OAuthError("invalid_grant", "Unknown refresh_token")
    if token.grant.revoked:
        raise OAuthError("invalid_grant", "The authorization was revoked")
    if token.used:
        token.grant.revoked = True
        raise OAuthError("invalid_grant", "This refresh_token was used before: all are revoked")
    if state.clock.now() >= token.expires_at:
        raise OAuthError("invalid_grant", "The refresh_token has expired")
    return token


def _access_token(state: ServerState, grant: Grant, scopes: tuple[str, ...]) -> dict[str, Any]:
    organization, lifetime = grant.user.organization, state.settings.token_lifetime_seconds
    return {
        "access_token": state.tokens.mint_access(grant.user, scopes, lifetime),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "authorization_expires_in": round(grant.expires_at - state.clock.now()),
        "org_id": organization.org_id,
        "org_name": organization.org_name,
        "scope": " ".join(scopes),
    }


def _refresh_token(state: ServerState, grant: Grant) -> dict[str, Any]:
    text = state.tokens.mint_refresh(grant, state.settings.refresh_token_lifetime_seconds)
    expires_at = state.tokens.refresh[text].expires_at
    return {
        "refresh_token": text,
        "refresh_token_expires_in": round(expires_at - state.clock.now()),
    }
