"""How refusals look on the wire: `{"detail": …}`, as text, or as a list of fields for a 422."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from .routes import RouteTable

_METHOD_NOT_ALLOWED = 405


class Refused(HTTPException):
    """The API refuses a request; `detail` says why."""


def not_found(what: str) -> Refused:
    """Return the refusal for something that isn't there, or isn't there any more."""
    return Refused(404, f"{what} not found")


def invalid_field(location: list[str | int], message: str) -> RequestValidationError:
    """Return a 422 that names one field, for what a model alone can't judge."""
    return RequestValidationError([{"loc": location, "msg": message, "type": "value_error"}])


async def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    """Name each bad field; what was sent isn't repeated, as it may hold anything."""
    problems: list[Any] = (
        list(error.errors()) if isinstance(error, RequestValidationError) else [error]
    )
    detail = [
        {"loc": list(problem["loc"]), "msg": problem["msg"], "type": problem["type"]}
        for problem in problems
    ]
    return JSONResponse({"detail": detail}, status_code=422)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """Answer as FastAPI does, but name every method of a path, as HTTP has it for a 405."""
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for nothing else
    routes = request.app.state.routes
    assert isinstance(routes, RouteTable)  # noqa: S101 - narrows what Starlette keeps untyped
    methods = routes.methods_of(request.url.path)
    if error.status_code == _METHOD_NOT_ALLOWED and methods:
        error.headers = {"Allow": ", ".join(sorted(methods))}
    return await http_exception_handler(request, error)


def install(app: FastAPI) -> None:
    """Make the application answer refusals in the API's shapes."""
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_refusal)
