"""How refusals look on the wire: `{"detail": …}`, as text, or as a list of fields for a 422."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException


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


def install(app: FastAPI) -> None:
    """Make the application answer refusals in the API's shapes."""
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
