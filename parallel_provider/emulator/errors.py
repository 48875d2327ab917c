"""What refused requests get: `{"detail": …}` from the API, `{"error": …}` from the sign-in.

The API's `detail` is text, or a list of fields for a 422. The sign-in's errors are those of
RFC 6749 and RFC 8628.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from .state import state_of

# RFC 6749, 5.1 requires both headers.
NO_CACHING = {"Cache-Control": "no-store", "Pragma": "no-cache"}
# RFC 6750, 3 requires at least one parameter after the scheme.
BEARER_CHALLENGE = 'Bearer realm="Account API"'

_METHOD_NOT_ALLOWED = 405


class Refused(HTTPException):
    """The API refuses a request; `detail` says why."""


class OAuthError(Exception):
    """The sign-in refuses a request with `{"error": …, "error_description": …}`.

    The status is 401 for an unknown client, and 400 for everything else (RFC 6749, 5.2).
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


def not_found(what: str) -> Refused:
    """Return a 404 for something that doesn't exist, or doesn't exist any more."""
    return Refused(404, f"{what} not found")


def invalid_field(location: list[str | int], message: str) -> RequestValidationError:
    """Return a 422 that names one field, for rules that a model can't check."""
    return RequestValidationError([{"loc": location, "msg": message, "type": "value_error"}])


def install(app: FastAPI) -> None:
    """Let the application answer with these errors."""
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(OAuthError, _answer_oauth_error)


async def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    """Name each wrong field, without its value: that may be a secret."""
    problems: list[Any] = (
        list(error.errors()) if isinstance(error, RequestValidationError) else [error]
    )
    detail = [
        {"loc": list(problem["loc"]), "msg": problem["msg"], "type": problem["type"]}
        for problem in problems
    ]
    return JSONResponse({"detail": detail}, status_code=422)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """Answer as FastAPI does, but let a 405 name every method of the path, as HTTP requires."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
    methods = state_of(request).routes.methods_of(request.url.path)
    if error.status_code == _METHOD_NOT_ALLOWED and methods:
        error.headers = {"Allow": ", ".join(sorted(methods))}
    return await http_exception_handler(request, error)


async def _answer_oauth_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OAuthError)  # noqa: S101 - it is registered for nothing else
    body = {"error": error.error, "error_description": error.description}
    if error.error == "invalid_client":
        # HTTP requires a challenge in every 401.
        headers = {**NO_CACHING, "WWW-Authenticate": BEARER_CHALLENGE}
        return JSONResponse(body, status_code=401, headers=headers)
    return JSONResponse(body, status_code=400, headers=NO_CACHING)
