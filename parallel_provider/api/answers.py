"""Turn an HTTP answer into a model, or into an error that a person can read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from parallel_provider.api.models import ApiModel, AppList, is_id
from parallel_provider.errors import (
    AnswerError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    StatusError,
)
from parallel_provider.http.messages import parse_retry_after
from parallel_provider.model import ValidationError, why
from parallel_provider.printable import masked, printable, remember_secret

if TYPE_CHECKING:
    import httpx

Answer = TypeVar("Answer", bound=ApiModel)

# Too deep nesting raises RecursionError, and millions of empty lists can raise MemoryError.
_NOT_JSON = (ValueError, RecursionError, MemoryError)

_NO_JSON = object()
# RFC 8288: rel is one name, or several in quotes.
_NEXT_PAGE = re.compile(r"""\brel\s*=\s*("[^"]*\bnext\b|next\b)""", re.IGNORECASE)

# An integer that a float holds exactly has fewer digits.
_MAX_DIGITS = 17
# A text that consists of such words only can't hold a key.
_PLAIN_WORD = re.compile(
    r"[('\"]?(?:[A-Za-z][a-z]{0,13}(?:'[a-z]{1,2})?|[0-9]{1,4}|[a-z]{1,9}:[a-z]{1,9}"
    r"|app_id|api_key_name)[)'\".,;:]{0,3}"
)

_ERRORS_BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServerError,
    429: RateLimitedError,
}
_FIRST_SERVER_ERROR = 500
_MEMBER_ADVICE = (
    ", or of a person who may do this: an administrator, or for a key the member who created it"
)
_DECLINED_ADVICE = (
    "the card was declined: look at it, or choose another payment method, in the Parallel console"
)
_ADVICE = {
    402: "add a payment method in the Parallel console",
    403: "use an access token with the missing scope",
    429: "try again later, or with a lower --parallel",
}


def parse(response: httpx.Response, model: type[Answer]) -> Answer:
    """Read a successful answer's body as `model`.

    Raises AnswerError, which names the wrong fields. Its `created_id` is the id of what was
    created, if the body has it.
    """
    body: object = None
    try:
        # Not pydantic's JSON parser: it refuses a whole answer because of half a character in one
        # field, and the id of the new key would be lost with it.
        body = json.loads(response.content, parse_int=_read_int)
        if isinstance(body, dict):
            _remember_raw_key(body)
        return model.model_validate(body)
    except ValidationError as error:
        reason = f"success, but not as documented ({why(error)})"
    except _NOT_JSON:
        reason = f"success with {_describe_body(response)} instead of JSON"
    created_id = _mapping(body).get(model.id_field) if model.id_field else None
    raise AnswerError(
        f"{_request_line(response)} answered {_safe(reason)}",
        created_id=str(created_id) if is_id(created_id) else None,
    )


def is_whole_list(response: httpx.Response, answer: AppList) -> bool:
    """Return whether a list of apps is complete, so that what it lacks doesn't exist.

    The API documents one list in one answer: 200, JSON, with nothing but `apps`. Anything else may
    be a part of a list, or the answer of something that stands before the API.
    """
    has_next = any(_NEXT_PAGE.search(link) for link in response.headers.get_list("link"))
    return (
        response.status_code == HTTPStatus.OK
        and _has_json(response)
        and not answer.model_extra
        and not has_next
    )


def require_deleted(response: httpx.Response) -> None:
    """Raise AnswerError unless a successful answer to a DELETE says that it is done.

    The API documents 200 with any JSON. A proxy may answer 200 with a page of its own.
    """
    if response.status_code not in (HTTPStatus.OK, HTTPStatus.NO_CONTENT):
        reason = f"{response.status_code} ({_standard_phrase(response.status_code)})"
    elif not response.content.strip():
        return
    elif (body := _json(response)) is _NO_JSON:
        reason = f"success with {_describe_body(response)} instead of JSON"
    elif _is_error_of_api(body):
        reason = f"success with an error ({_safe('; '.join(_reasons(body)))})"
    else:
        return
    raise AnswerError(
        f"{_request_line(response)} answered {reason}, so it isn't certain that it was done"
    )


def status_error(
    response: httpx.Response, now: float, auth_origin: str = "the configuration"
) -> StatusError:
    """Return the error for an answer with an error status.

    `now` is epoch seconds; `auth_origin` says where the access token comes from.
    """
    code = response.status_code
    if _creates_key(response.request):
        reason, reference = _known_reasons(response), None
    else:
        reason, reference = _reason_and_reference(response)
    request_id = response.headers.get("x-request-id") or reference
    if request_id:
        request_id = _safe(request_id)
    message = f"{_request_line(response)} answered {code} ({_safe(reason)})"
    if request_id:
        message += f" [request {request_id}]"
    if code == HTTPStatus.UNAUTHORIZED:
        message += (
            f": the access token from {auth_origin} isn't valid, or no longer. Renew it there, or "
            "sign in with `parallel-provider login`"
        )
    elif code in _ADVICE:
        is_declined = code == HTTPStatus.PAYMENT_REQUIRED and "declined" in reason.casefold()
        message += f": {_DECLINED_ADVICE if is_declined else _ADVICE[code]}"
        if code == HTTPStatus.FORBIDDEN and not _names_scope(response, reason):
            message += _MEMBER_ADVICE
    if response.is_redirect:
        message += ": redirects aren't followed, so check the configured service API URL"
    kind = _ERRORS_BY_STATUS.get(code, ServerError if code >= _FIRST_SERVER_ERROR else StatusError)
    if kind is NotFoundError and not _is_error_of_api(_json(response)):
        kind = StatusError
        message += (
            ": it isn't an error of the Account API, so a proxy or gateway seems to answer, and "
            "nothing counts as deleted: check the configured service API URL, and the proxy"
        )
    return kind(
        message,
        status_code=code,
        request_id=request_id,
        retry_after=parse_retry_after(response.headers.get("retry-after"), now),
    )


def _has_json(response: httpx.Response) -> bool:
    media_type: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _json(response: httpx.Response) -> object:
    """Return the JSON of an answer that says that it has JSON, or _NO_JSON."""
    try:
        return json.loads(response.content) if _has_json(response) else _NO_JSON
    except _NOT_JSON:
        return _NO_JSON


def _is_error_of_api(body: object) -> bool:
    """Return whether a body has one of the forms of the API's errors, which gateways don't have."""
    if isinstance(_mapping(body).get("detail"), str | list):
        return True
    error = _mapping(_mapping(body).get("error"))
    has_text = any(isinstance(error.get(name), str) for name in ("message", "detail"))
    return has_text or (bool(error) and _mapping(body).get("type") == "error")


def _names_scope(response: httpx.Response, reason: str) -> bool:
    """Return whether the server has refused because of the access token's scope."""
    challenge = response.headers.get("www-authenticate", "")
    return "insufficient_scope" in challenge or "scope" in reason.casefold()


def _read_int(digits: str) -> int | float:
    # Reading thousands of digits as an integer takes long, and no field has such a value.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _remember_raw_key(body: Mapping[str, object]) -> None:
    raw_key = body.get("raw_api_key")
    if isinstance(raw_key, str):
        remember_secret(raw_key)


def _creates_key(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/keys")


def _known_reasons(response: httpx.Response) -> str:
    """Return the server's own words, without those that may hold a new key.

    The error page of a proxy may quote the answer that has the key.
    """
    phrase = _standard_phrase(response.status_code)
    try:
        body = json.loads(response.content)
    except _NOT_JSON:
        return f"{phrase}, with {_describe_body(response)}"
    reasons = list(_reasons(body))
    known = [reason for reason in reasons if all(map(_PLAIN_WORD.fullmatch, reason.split()))]
    said = "; ".join(known) or phrase
    if len(known) == len(reasons):
        return said
    return f"{said}; the server's own words may hold the key and aren't shown"


def _standard_phrase(status_code: int) -> str:
    try:
        return HTTPStatus(status_code).phrase
    except ValueError:
        return "an unknown status"


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
    """Find the sentences in an error body, in any of the formats that the API has used."""
    detail = _mapping(body).get("detail")
    if isinstance(detail, str):
        yield detail
    for problem in _problems(body):
        yield f"{_place(problem.get('loc'))}: {problem.get('msg', 'not valid')}"
    error = _mapping(body).get("error")
    if isinstance(error, str):
        yield error
    for key in ("message", "detail"):
        text = _mapping(error).get(key)
        if isinstance(text, str):
            yield text


def _problems(body: object) -> list[Mapping[str, object]]:
    detail = _mapping(body).get("detail")
    return [_mapping(problem) for problem in detail] if isinstance(detail, list) else []


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _place(loc: object) -> str:
    """Return the name of a field, without the "body" or "path" before it."""
    parts = [str(part) for part in loc] if isinstance(loc, list | tuple) else []
    if parts and parts[0] in ("body", "path", "query"):
        parts = parts[1:]
    return ".".join(parts) or "the body"


def _safe(text: str) -> str:
    """Make a server's words safe to print. They may hold a token or control characters."""
    return printable(masked(text))
