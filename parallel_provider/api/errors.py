"""The errors of the Account API, and how an answer becomes one.

ApiError                      a request to the Account API failed: may_have_worked
├── ConnectionFailedError     the request was never sent
├── NoAnswerError             it was sent, and no answer came that can be read
├── AnswerError               the answer isn't as documented: created_id
├── WrongOrganizationError    the access token belongs to another organization
└── StatusError               the server refused: status_code, retry_after
    ├── AuthenticationError   401
    ├── PermissionDeniedError 403
    ├── NotFoundError         404, with an error of the API
    ├── RateLimitedError      429
    └── ServerError           408, 5xx
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from parallel_provider.errors import ParallelError
from parallel_provider.http_dates import parse_retry_after
from parallel_provider.model import read_json
from parallel_provider.printable import masked, printable

if TYPE_CHECKING:
    import httpx

NOT_JSON = object()
_PARTS_OF_REQUEST = (["body"], ["path"], ["query"])
_FIRST_SERVER_ERROR = 500
_UNAVAILABLE = 503
# A text that consists of such words only can't hold a secret.
_PLAIN_WORD = re.compile(
    r"[('\"]?(?:[A-Za-z][a-z]{0,13}(?:'[a-z]{1,2})?|[A-Z]{2,4}|[0-9]{1,4}"
    r"|[a-z]{1,9}(?:[:_][a-z]{1,9}){1,2})"
    r"[)'\".,;:]{0,3}"
)
_ADVICE = {
    402: "add a payment method in the Parallel console",
    429: "try again later, or with fewer requests in parallel",
}
_DECLINED_ADVICE = (
    "the card was declined: look at it, or choose another payment method, in the Parallel console"
)
_SCOPE_ADVICE = "use an access token with the missing scope"
_MEMBER_ADVICE = (
    ", or of a person who may do this: an administrator, or for a key the member who created it"
)
_GATEWAY_ADVICE = (
    "it isn't an error of the Account API, so a proxy or gateway seems to answer, and nothing "
    "counts as deleted: check the configured service API URL, and the proxy"
)


class ApiError(ParallelError):
    """A request to the Account API got no usable answer."""

    may_have_worked = False
    """Whether the server may have carried the request out all the same."""


class ConnectionFailedError(ApiError):
    """The request was never sent, so the server can't have done anything."""


class NoAnswerError(ApiError):
    """The request was sent, and no whole answer came back. Perhaps only the answer was lost."""

    may_have_worked = True


class AnswerError(ApiError):
    """The server reported success, and its answer can't be used.

    `created_id` is the id of the app or key that was created, if the answer has it.
    """

    may_have_worked = True

    def __init__(self, message: str, *, created_id: str | None = None) -> None:
        super().__init__(message)
        self.created_id = created_id


class WrongOrganizationError(ApiError):
    """The access token belongs to another organization than the expected one."""


class StatusError(ApiError):
    """The server answered with an error status.

    `status_code` is the HTTP status; `retry_after` is how many seconds the server asks to wait, if
    it does.
    """

    def __init__(self, message: str, *, status_code: int, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.retry_after = retry_after


class AuthenticationError(StatusError):
    """401: the access token isn't valid, or no longer."""


class PermissionDeniedError(StatusError):
    """403: the access token lacks a scope, or its person a right."""


class NotFoundError(StatusError):
    """404: it doesn't exist, or it belongs to another organization."""


class RateLimitedError(StatusError):
    """429: too many requests; this one was not carried out."""


class ServerError(StatusError):
    """408 or 5xx: the server, or a proxy before it, failed.

    It may have done the work, except after a 503 that asks for another attempt later: this says
    that the server didn't take the request (RFC 9110, section 15.6.4). A 504 with a Retry-After
    comes from a gateway, which has already passed the request on.
    """

    def __init__(self, message: str, *, status_code: int, retry_after: float | None = None) -> None:
        super().__init__(message, status_code=status_code, retry_after=retry_after)
        self.may_have_worked = status_code != _UNAVAILABLE or retry_after is None


_ERRORS_BY_STATUS: dict[int, type[StatusError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ServerError,
    429: RateLimitedError,
}


def status_error(
    response: httpx.Response, token_origin: str, may_hold_secret: bool = False
) -> StatusError:
    """Return the error for an answer with an error status.

    `token_origin` says where the access token comes from. `may_hold_secret` says that the answer
    may quote a secret that the server has just created.
    """
    code = response.status_code
    message = answer_line(response, may_hold_secret)
    kind = _ERRORS_BY_STATUS.get(code, ServerError if code >= _FIRST_SERVER_ERROR else StatusError)
    if kind is NotFoundError and not is_error_of_api(json_of(response)):
        kind = StatusError
    advice = _advice(response, kind, message, token_origin)
    return kind(
        f"{message}: {advice}" if advice else message,
        status_code=code,
        retry_after=parse_retry_after(response.headers.get("retry-after")),
    )


def _advice(
    response: httpx.Response, kind: type[StatusError], message: str, token_origin: str
) -> str | None:
    """Return what to do about a refusal, if that is known."""
    code, words = response.status_code, message.casefold()
    if kind is AuthenticationError:
        return (
            f"the access token from {token_origin} isn't valid, or no longer. Renew it there, or "
            "sign in with `parallel-provider login`"
        )
    if code == HTTPStatus.PAYMENT_REQUIRED and "declined" in words:
        return _DECLINED_ADVICE
    if kind is PermissionDeniedError:
        challenge = response.headers.get("www-authenticate", "")
        is_about_scope = "scope" in words or "insufficient_scope" in challenge
        return _SCOPE_ADVICE if is_about_scope else f"{_SCOPE_ADVICE}{_MEMBER_ADVICE}"
    if code == HTTPStatus.NOT_FOUND and kind is not NotFoundError:
        return _GATEWAY_ADVICE
    if response.is_redirect:
        return "redirects aren't followed, so check the configured service API URL"
    return _ADVICE.get(code)


def answer_line(response: httpx.Response, may_hold_secret: bool = False) -> str:
    """Say in one line what was answered to what.

    It has the server's words; of those that may hold a secret, only plain words.
    """
    request_id = response.headers.get("x-request-id")
    try:
        body = read_json(response.content)
    except ValueError:
        reason = f"{response.reason_phrase}, with {describe_body(response)}"
    else:
        reasons = list(_reasons_in(body))
        shown = [reason for reason in reasons if not may_hold_secret or _is_plain(reason)]
        reason = "; ".join(shown) or response.reason_phrase
        if len(shown) < len(reasons):
            reason += "; the server's own words may hold a secret and aren't shown"
        if not request_id and not may_hold_secret:
            request_id = _mapping(_mapping(body).get("error")).get("ref_id")
    line = f"{request_line(response)} answered {response.status_code} ({safe(reason)})"
    return f"{line} [request {safe(request_id)}]" if isinstance(request_id, str) else line


def request_line(response: httpx.Response) -> str:
    """Return the method and the path of the request."""
    return f"{response.request.method} {response.request.url.path}"


def describe_body(response: httpx.Response) -> str:
    """Say what a body is that isn't JSON."""
    start = response.content.lstrip()[:1]
    if not start:
        return "an empty body"
    if start == b"<" or "html" in response.headers.get("content-type", ""):
        return "an HTML page (from a proxy?)"
    return "text that isn't JSON"


def has_json_type(response: httpx.Response) -> bool:
    """Return whether an answer says that it has JSON."""
    media_type: str = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def json_of(response: httpx.Response) -> object:
    """Return the JSON of an answer that says that it has JSON, or else NOT_JSON."""
    try:
        return read_json(response.content) if has_json_type(response) else NOT_JSON
    except ValueError:
        return NOT_JSON


def is_error_of_api(body: object) -> bool:
    """Return whether a body has one of the forms of the API's errors, which gateways don't have."""
    whole, error = _mapping(body), _mapping(_mapping(body).get("error"))
    return (
        isinstance(whole.get("detail"), str | list)
        or any(isinstance(error.get(name), str) for name in ("message", "detail"))
        or (bool(error) and whole.get("type") == "error")
    )


def safe(text: str) -> str:
    """Make a server's words safe to print. They may hold a token or control characters."""
    return printable(masked(text))


def _reasons_in(body: object) -> Iterator[str]:
    """Find the sentences in an error body, in any of the formats that the API has used."""
    detail = _mapping(body).get("detail")
    if isinstance(detail, str):
        yield detail
    for problem in map(_mapping, detail if isinstance(detail, list) else ()):
        loc = problem.get("loc")
        parts = [str(part) for part in loc] if isinstance(loc, list) else []
        field = ".".join(parts[1:] if parts[:1] in _PARTS_OF_REQUEST else parts)
        yield f"{field or 'the body'}: {problem.get('msg', 'not valid')}"
    error = _mapping(body).get("error")
    if isinstance(error, str):
        yield error
    for key in ("message", "detail"):
        text = _mapping(error).get(key)
        if isinstance(text, str):
            yield text


def _is_plain(text: str) -> bool:
    return all(map(_PLAIN_WORD.fullmatch, text.split()))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
