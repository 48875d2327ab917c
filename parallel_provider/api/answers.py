"""Turn what came back over the wire into a model, or into an error a person can read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import msgspec

from parallel_provider.api.errors import AnswerError, StatusError, status_error_class
from parallel_provider.api.models import ApiModel
from parallel_provider.api.server_clock import parse_http_date
from parallel_provider.printable import masked, printable
from parallel_provider.typed import read_as

if TYPE_CHECKING:
    import httpx

Model = TypeVar("Model", bound=ApiModel)

_MAX_REASON_LENGTH = 300
# Nesting without end is no JSON that anybody meant.
_NOT_JSON = (ValueError, RecursionError)

_ADVICE = {
    402: "add a payment method in the Parallel console",
    403: "use an access token with the missing scope",
    429: "try again later, or with a lower --parallel",
}


def parse(response: httpx.Response, model: type[Model]) -> Model:
    """Read a successful answer's body as `model`.

    Raises AnswerError, naming the field that is missing or has another type.
    """
    try:
        return read_as(model, json.loads(response.content))
    except msgspec.ValidationError as error:
        reason = f"success, but not as documented ({error})"
    except _NOT_JSON:
        reason = f"success with {_describe_body(response)} instead of JSON"
    raise AnswerError(f"{_request_line(response)} answered {_safe(reason)}")


def status_error(
    response: httpx.Response, now: float, auth_origin: str = "the configuration"
) -> StatusError:
    """Make the error of an answer whose status isn't a success.

    `now` is epoch seconds; `auth_origin` says where the access token comes from.
    """
    code = response.status_code
    reason, reference = _reason_and_reference(response)
    request_id = response.headers.get("x-request-id") or reference
    message = f"{_request_line(response)} answered {code} ({_safe(reason)})"
    if request_id:
        message += f" [request {_safe(request_id)}]"
    if code == HTTPStatus.UNAUTHORIZED:
        message += (
            f": the access token from {auth_origin} isn't valid, or no longer. Renew it there, or "
            "sign in with `parallel-provider login`"
        )
    elif code in _ADVICE:
        message += f": {_ADVICE[code]}"
    if response.is_redirect:
        message += ": redirects aren't followed, so check the configured service API URL"
    return status_error_class(code)(
        message,
        status_code=code,
        request_id=request_id,
        retry_after=parse_retry_after(response.headers.get("retry-after"), now),
    )


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait that a Retry-After header asks for; None when it says nothing.

    The header holds whole seconds or an HTTP date (RFC 9110, section 10.2.3).
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    date = parse_http_date(value)
    return None if date is None else max(0.0, date - now)


def _request_line(response: httpx.Response) -> str:
    return f"{response.request.method} {response.request.url.path}"


def _describe_body(response: httpx.Response) -> str:
    if not response.content.strip():
        return "an empty body"
    if "html" in response.headers.get("content-type", "") or response.content.lstrip()[:1] == b"<":
        return "an HTML page (from a proxy?)"
    return "text that isn't JSON"


def _reason_and_reference(response: httpx.Response) -> tuple[str, str | None]:
    try:
        body = json.loads(response.content)
    except _NOT_JSON:
        phrase = response.reason_phrase
        return f"{phrase}, with {_describe_body(response)}" if phrase else "", None
    reasons = list(_reasons(body))
    reference = _mapping(_mapping(body).get("error")).get("ref_id")
    return (
        "; ".join(reasons) or response.reason_phrase,
        reference if isinstance(reference, str) else None,
    )


def _reasons(body: object) -> Iterator[str]:
    """Find the sentences in each shape of error body that the API has been seen to use."""
    detail = _mapping(body).get("detail")
    if isinstance(detail, str):
        yield detail
    elif isinstance(detail, list):
        for problem in map(_mapping, detail):
            yield f"{_place(problem.get('loc'))}: {problem.get('msg', 'not valid')}"
    error = _mapping(body).get("error")
    if isinstance(error, str):
        yield error
    for key in ("message", "detail"):
        text = _mapping(error).get(key)
        if isinstance(text, str):
            yield text


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _place(loc: object) -> str:
    """Name a field as the user knows it: without "body" or "path" before it."""
    parts = [str(part) for part in loc] if isinstance(loc, list | tuple) else []
    if parts and parts[0] in ("body", "path", "query"):
        parts = parts[1:]
    return ".".join(parts) or "the body"


def _safe(text: str) -> str:
    """Make a server's words safe to print: it may quote a token, or steer the terminal."""
    return printable(masked(text))
