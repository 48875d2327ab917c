"""The sign-in, for programs: `/getServiceKeys/register`, `device/code`, `token`, `token/revoke`.

A program gets a device code, a person decides on it, and the program exchanges it for tokens once.
A refresh token can be used once. A second use means that two programs have it, and one may have
stolen it. Nobody can tell which, so the whole grant is revoked. Access tokens stay valid until they
expire, as at the API: a revocation doesn't affect them.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from .control_models import ALL_SCOPES, Text
from .refusals import NO_CACHING, OAuthError
from .state import DeviceCode, Grant, RefreshToken, ServerState, State

PREFIX = "/getServiceKeys"
VERIFICATION_PATH = f"{PREFIX}/device"

_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_FORM = "application/x-www-form-urlencoded"
# No vowels, so that no words appear, and no letters that look like digits (RFC 8628, 6.1).
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_SLOW_DOWN_SECONDS = 5
# Two polls that are sent an interval apart arrive a little more or less than that apart.
_TOLERANCE_SECONDS = 0.1


async def _forbid_caching(response: Response) -> None:
    """Keep codes and tokens out of caches (RFC 6749, 5.1; RFC 7591, 3.2.1; RFC 8628, 3.2)."""
    response.headers.update(NO_CACHING)


router = APIRouter(prefix=PREFIX, include_in_schema=False, dependencies=[Depends(_forbid_caching)])


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form. One that was sent twice is refused (RFC 6749, 3.2)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"The body has to be {_FORM}")
    try:
        pairs = parse_qsl((await request.body()).decode(), keep_blank_values=True)
    except ValueError:
        raise OAuthError("invalid_request", "The body is no form") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise OAuthError("invalid_request", "A parameter was sent more than once")
    return fields


Form = Annotated[dict[str, str], Depends(_read_form)]


class ClientRegistration(BaseModel):
    """What a program says about itself."""

    client_name: Text
    platform: dict[str, Any] = {}


@router.post("/register")
async def register(state: State, request: ClientRegistration) -> dict[str, str]:
    """Give a program a client id."""
    client_id = f"client_{secrets.token_hex(12)}"
    state.clients[client_id] = request.client_name
    return {"client_id": client_id}


@router.post("/device/code")
async def start_sign_in(state: State, request: Request, form: Form) -> dict[str, Any]:
    """Start a sign-in: a secret code for the program, a short one for the person."""
    client_id = _known_client(state, _required(form, "client_id"))
    letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
    lifetime = state.settings["device_code_lifetime_seconds"]
    code = DeviceCode(
        device_code=secrets.token_urlsafe(32),
        user_code=f"{letters[:4]}-{letters[4:]}",
        client_id=client_id,
        client_name=state.clients[client_id],
        scopes=_scopes(form, allowed=ALL_SCOPES),
        expires_at=state.now() + lifetime,
        interval=state.settings["poll_interval_seconds"],
    )
    state.device_codes[code.device_code] = code
    if state.settings["auto_approve"]:
        code.decide("approve", state.user_at_sign_in())
    uri = str(request.base_url).rstrip("/") + VERIFICATION_PATH
    return {
        "device_code": code.device_code,
        "user_code": code.user_code,
        "verification_uri": uri,
        "verification_uri_complete": f"{uri}?{urlencode({'user_code': code.user_code})}",
        "expires_in": lifetime,
        "interval": code.interval,
    }


@router.post("/token")
async def issue_tokens(state: State, form: Form) -> dict[str, Any]:
    """Exchange a device code or a refresh token for tokens."""
    grant_type = _required(form, "grant_type")
    if grant_type == _DEVICE_CODE_GRANT:
        return _redeem_device_code(state, form)
    if grant_type == "refresh_token":
        return _refresh(state, form)
    raise OAuthError("unsupported_grant_type", "Not a grant type of this server")


@router.post("/token/revoke")
async def revoke(state: State, form: Form) -> dict[str, str]:
    """Revoke a grant by one of its refresh tokens. An unknown token is no error (RFC 7009)."""
    token = state.refresh_tokens.get(_required(form, "refresh_token"))
    if token is not None:
        token.grant.revoked = True
    return {}


def _required(form: dict[str, str], name: str) -> str:
    value = form.get(name, "")
    if not value:
        raise OAuthError("invalid_request", f"Missing parameter: {name}")
    return value


def _known_client(state: ServerState, client_id: str) -> str:
    if client_id not in state.clients:
        raise OAuthError("invalid_client", "Unknown client_id")
    return client_id


def _scopes(form: dict[str, str], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requested scopes, or all allowed ones if the form has none."""
    scopes = tuple(dict.fromkeys(form.get("scope", "").split())) or allowed
    if not set(scopes) <= set(allowed):
        raise OAuthError("invalid_scope", "Not allowed; allowed are: " + " ".join(allowed))
    return scopes


def _redeem_device_code(state: ServerState, form: dict[str, str]) -> dict[str, Any]:
    """Return the first tokens of a new grant, if the device code is approved."""
    client_id = _known_client(state, _required(form, "client_id"))
    code = state.device_codes.get(_required(form, "device_code"))
    if code is None or code.client_id != client_id or code.redeemed:
        raise OAuthError("invalid_grant", "Unknown device_code, or one that was used")
    if state.now() >= code.expires_at:
        raise OAuthError("expired_token", "The device_code has expired")
    if code.decision is None:
        if _is_polled_too_soon(code, state.now()):
            raise OAuthError("slow_down", f"Poll every {code.interval} seconds at most")
        raise OAuthError("authorization_pending", "Nobody has decided yet")
    if code.decision == "deny" or code.user is None:
        raise OAuthError("access_denied", "The sign-in was denied")
    code.redeemed = True
    # The official client makes its data key in this app, so a sign-in makes sure that it exists.
    code.user.organization.ensure_cli_app()
    lifetime = state.settings["authorization_lifetime_seconds"]
    grant = Grant(code.user, client_id, code.scopes, state.now() + lifetime)
    return _access_token(state, grant, grant.scopes) | _refresh_token(state, grant)


def _is_polled_too_soon(code: DeviceCode, now: float) -> bool:
    """Remember this poll. If it comes too soon, make the interval longer (RFC 8628, 3.5)."""
    before, code.polled_at = code.polled_at, now
    if before is None or now - before >= code.interval - _TOLERANCE_SECONDS:
        return False
    code.interval += _SLOW_DOWN_SECONDS
    return True


def _refresh(state: ServerState, form: dict[str, str]) -> dict[str, Any]:
    """Return the next tokens of a grant. `client_id` and `scope` may be left out.

    A narrower scope is for the new access token only (RFC 6749, 6). The settings decide whether
    the refresh token is replaced or stays valid.
    """
    token = _valid_refresh_token(state, form)
    grant = token.grant
    answer = _access_token(state, grant, _scopes(form, allowed=grant.scopes))
    if not state.settings["rotate_refresh_tokens"]:
        return answer
    token.used = True
    return answer | _refresh_token(state, grant)


def _valid_refresh_token(state: ServerState, form: dict[str, str]) -> RefreshToken:
    token = state.refresh_tokens.get(_required(form, "refresh_token"))
    client_id = form.get("client_id") and _known_client(state, form["client_id"])
    if token is None or (client_id and token.grant.client_id != client_id):
        raise OAuthError("invalid_grant", "Unknown refresh_token")
    if token.grant.revoked:
        raise OAuthError("invalid_grant", "The authorization was revoked")
    if token.used:
        token.grant.revoked = True
        raise OAuthError("invalid_grant", "This refresh_token was used before: all are revoked")
    if state.now() >= token.expires_at:
        raise OAuthError("invalid_grant", "The refresh_token has expired")
    return token


def _access_token(state: ServerState, grant: Grant, scopes: tuple[str, ...]) -> dict[str, Any]:
    organization, lifetime = grant.user.organization, state.settings["token_lifetime_seconds"]
    return {
        "access_token": state.mint_access(grant.user, scopes, lifetime),
        "token_type": "Bearer",
        "expires_in": lifetime,
        "authorization_expires_in": round(grant.expires_at - state.now()),
        "org_id": organization.org_id,
        "org_name": organization.org_name,
        "scope": " ".join(scopes),
    }


def _refresh_token(state: ServerState, grant: Grant) -> dict[str, Any]:
    """Return a new refresh token of a grant. It expires with the grant at the latest."""
    text = f"rt_{secrets.token_urlsafe(32)}"
    now, lifetime = state.now(), state.settings["refresh_token_lifetime_seconds"]
    expires_at = min(now + lifetime, grant.expires_at)
    state.refresh_tokens[text] = RefreshToken(grant, expires_at)
    return {"refresh_token": text, "refresh_token_expires_in": round(expires_at - now)}
