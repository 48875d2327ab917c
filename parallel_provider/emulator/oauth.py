"""What OAuth endpoints have in common: form bodies, and errors as RFC 6749 and RFC 8628 say."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 100


class OAuthError(Exception):
    """A refusal as `{"error": …, "error_description": …}` with status 400."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class FormFields:
    """The fields of a form body; a field that was sent twice is refused (RFC 6749, 3.2)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._fields = dict(pairs)
        if len(self._fields) != len(pairs):
            raise OAuthError("invalid_request", "A parameter was sent more than once")

    def get(self, name: str) -> str:
        """Return a field, empty where it wasn't sent."""
        return self._fields.get(name, "")

    def require(self, name: str) -> str:
        """Return a field that has to be there."""
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


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OAuthError)  # noqa: S101 - it is registered for nothing else
    return JSONResponse(
        {"error": error.error, "error_description": error.description},
        status_code=400,
        headers={"Cache-Control": "no-store"},
    )


def install(app: FastAPI) -> None:
    """Make the application answer refused sign-ins in OAuth's shape."""
    app.add_exception_handler(OAuthError, _answer)
