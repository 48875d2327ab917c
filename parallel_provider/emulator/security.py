"""Which requests are answered: those from this machine, and those whose access token allows it.

Web pages in a person's browser must not reach an emulator on the same machine. A page whose own
name points to 127.0.0.1 (DNS rebinding) is known by the Host header. A page that posts to another
origin is known by Origin or Sec-Fetch-Site.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .errors import BEARER_CHALLENGE, Refused
from .organization import User
from .state import ServerState, State

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(bearerFormat="JWT", scheme_name="BearerAuth", auto_error=False)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def allowed_to(scope: str) -> Callable[..., Awaitable[User]]:
    """Return a dependency that gives the user of the access token, if it has this scope."""

    async def authorize(state: State, credentials: _Credentials) -> User:
        if credentials is None:
            # Without a token there is no error to name (RFC 6750, 3.1).
            headers = {"WWW-Authenticate": BEARER_CHALLENGE}
            raise Refused(401, "Not authenticated", headers=headers)
        return _authorize(state, credentials.credentials, scope)

    return authorize


def _authorize(state: ServerState, text: str, scope: str) -> User:
    token = state.tokens.access.get(text)
    if token is None:
        # A data API key ends here too, as it is no access token.
        raise _refused(401, "Invalid access token", 'error="invalid_token"')
    if token.expires_at is not None and state.clock.now() >= token.expires_at:
        raise _refused(401, "Access token has expired", 'error="invalid_token"')
    if scope not in token.scopes:
        detail = f"Missing required scope: {scope}"
        raise _refused(403, detail, f'error="insufficient_scope", scope="{scope}"')
    return token.user


def _refused(status: int, detail: str, parameters: str) -> Refused:
    """Return a refusal that names the error of RFC 6750, 3.1 in its challenge."""
    challenge = f'{BEARER_CHALLENGE}, {parameters}, error_description="{detail}"'
    return Refused(status, detail, headers={"WWW-Authenticate": challenge})


class LocalOnly:
    """Middleware that refuses other host names, and requests that another website sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not is_loopback(_host_name(host)):
            refusal = JSONResponse({"detail": "The emulator answers to loopback only"}, 421)
            await refusal(scope, receive, send)
        elif _is_protected(scope) and _is_from_other_origin(headers, host):
            refusal = JSONResponse({"detail": "Requests from other origins are refused"}, 403)
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_protected(scope: Scope) -> bool:
    """Tell whether a request changes something or reads the state."""
    return scope["method"] not in _SAFE_METHODS or scope["path"].startswith("/_emulator/")


def _host_name(host: str) -> str:
    """Return a Host header's name or address, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _is_from_other_origin(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return True
    return headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
