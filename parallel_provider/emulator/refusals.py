"""Which requests are refused, and with what answer.

Refused are hosts other than this machine, and requests whose access token doesn't allow them. A
website whose own name points to 127.0.0.1 (DNS rebinding) is known by the Host header.

The API's refusals are `{"detail": …}`: text, or a list of fields for a 422. The sign-in's are those
of RFC 6749 and RFC 8628: `{"error": …, "error_description": …}`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .state import ServerState, State, User

# RFC 6749, 5.1 requires both headers.
NO_CACHING = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# RFC 6750, 3 requires at least one parameter after the scheme.
_BEARER_CHALLENGE = 'Bearer realm="Account API"'

_bearer = HTTPBearer(bearerFormat="JWT", scheme_name="BearerAuth", auto_error=False)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


class OAuthError(Exception):
    """The sign-in refuses a request.

    The status is 401 for an unknown client, and 400 for everything else (RFC 6749, 5.2).
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


def not_found(what: str) -> HTTPException:
    """Return a 404 for something that doesn't exist, or doesn't exist any more."""
    return HTTPException(404, f"{what} not found")


def invalid_field(location: list[str | int], message: str) -> RequestValidationError:
    """Return a 422 that names one field, for rules that a model can't check."""
    return RequestValidationError([{"loc": location, "msg": message, "type": "value_error"}])


def install(app: FastAPI) -> None:
    """Let the application answer with these errors."""
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(OAuthError, _answer_oauth_error)
    app.add_exception_handler(405, _answer_other_method)


async def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    """Name each wrong field, without its value: that may be a secret."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    detail = [
        {"loc": list(problem["loc"]), "msg": problem["msg"], "type": problem["type"]}
        for problem in error.errors()
    ]
    return JSONResponse({"detail": detail}, status_code=422)


async def _answer_oauth_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OAuthError)  # noqa: S101 - registered for nothing else
    body = {"error": error.error, "error_description": error.description}
    if error.error == "invalid_client":
        # HTTP requires a challenge in every 401.
        headers = {**NO_CACHING, "WWW-Authenticate": _BEARER_CHALLENGE}
        return JSONResponse(body, status_code=401, headers=headers)
    return JSONResponse(body, status_code=400, headers=NO_CACHING)


async def _answer_other_method(request: Request, _error: Exception) -> JSONResponse:
    """Name every method of the path, as HTTP requires. Starlette names those of one route."""
    state: ServerState = request.app.state.emulator
    found = [route for route in state.routes if route.path_regex.match(request.url.path)]
    methods = sorted({method for route in found for method in route.methods or ()})
    headers = {"Allow": ", ".join(methods)}
    return JSONResponse({"detail": "Method Not Allowed"}, status_code=405, headers=headers)


def allowed_to(scope: str) -> Callable[..., Awaitable[User]]:
    """Return a dependency that gives the user of the access token, if it has this scope."""

    async def authorize(state: State, credentials: _Credentials) -> User:
        if credentials is None:
            # Without a token there is no error to name (RFC 6750, 3.1).
            headers = {"WWW-Authenticate": _BEARER_CHALLENGE}
            raise HTTPException(401, "Not authenticated", headers=headers)
        token = state.access_tokens.get(credentials.credentials)
        if token is None:
            # A data API key ends here too, as it is no access token.
            raise _refused(401, "Invalid access token", 'error="invalid_token"')
        if token.expires_at is not None and state.now() >= token.expires_at:
            raise _refused(401, "Access token has expired", 'error="invalid_token"')
        if scope not in token.scopes:
            parameters = f'error="insufficient_scope", scope="{scope}"'
            raise _refused(403, f"Missing required scope: {scope}", parameters)
        return token.user

    return authorize


def _refused(status: int, detail: str, parameters: str) -> HTTPException:
    """Return a refusal that names the error of RFC 6750, 3.1 in its challenge."""
    challenge = f'{_BEARER_CHALLENGE}, {parameters}, error_description="{detail}"'
    return HTTPException(status, detail, headers={"WWW-Authenticate": challenge})


class LocalOnly:
    """Middleware that refuses other host names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on."""
        app = self.app
        if scope["type"] == "http" and not _names_this_machine(Headers(scope=scope)):
            app = JSONResponse({"detail": "The emulator answers to loopback only"}, 421)
        await app(scope, receive, send)


def _names_this_machine(headers: Headers) -> bool:
    host = headers.get("host", "")
    if host.startswith("["):
        return is_loopback(host[1:].partition("]")[0])
    return is_loopback(host.partition(":")[0].lower())


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine and no other."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
