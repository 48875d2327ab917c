"""From an answer to a model, or to an error that a person can read."""

from __future__ import annotations

import json

import httpx
import pytest

from parallel_provider.api import (
    AnswerError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    StatusError,
)
from parallel_provider.api.answers import is_whole_list, parse, require_deleted, status_error
from parallel_provider.api.models import AppList, CreatedApiKey

REQUEST = httpx.Request("POST", "https://api.example.com/account/service/v1/apps")
NOW = 1_796_083_140.0  # Mon, 30 Nov 2026 23:59:00 GMT


def answer(
    status: int, body: object = None, *, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Return a response with this body: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json", **(headers or {})}
    return httpx.Response(status, content=content, headers=headers, request=REQUEST)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (
            422,
            {
                "detail": [
                    {"loc": ["body", "amount_cents"], "msg": "Too much", "type": "x"},
                    {"loc": ["path", "app_id"], "msg": "Not a UUID", "type": "y"},
                    {"loc": ["body"], "msg": "Field required", "type": "z"},
                ]
            },
            "answered 422 (amount_cents: Too much; app_id: Not a UUID; the body: Field required)",
        ),
        (404, {"detail": "App not found"}, "answered 404 (App not found)"),
        (
            409,
            {"error": {"message": "Conflict", "detail": "Used before"}},
            "answered 409 (Conflict; Used before)",
        ),
        (409, {"error": {"message": "Conflict", "detail": {"a": 1}}}, "answered 409 (Conflict)"),
        (
            400,
            {"type": "error", "error": {"ref_id": "ref-1", "message": "No"}},
            "answered 400 (No) [request ref-1]",
        ),
        (400, {"error": "invalid_grant"}, "answered 400 (invalid_grant)"),
        (403, {}, "answered 403 (Forbidden): use an access token with the missing scope, or of a"),
        (403, {"detail": "Not your key"}, "an administrator, or for a key the member who created"),
        (400, [], "answered 400 (Bad Request)"),
        (400, {"detail": [3, {"loc": "x"}]}, "(the body: not valid; the body: not valid)"),
        (
            502,
            b"<html><body>secret page</body></html>",
            "answered 502 (Bad Gateway, with an HTML page (from a proxy?))",
        ),
        (500, b"", "answered 500 (Internal Server Error, with an empty body)"),
        (500, b"\xff\xfe", "answered 500 (Internal Server Error, with text that isn't JSON)"),
        (500, b"[" * 100_000, "answered 500 (Internal Server Error, with text that isn't JSON)"),
        (
            401,
            {"detail": "Expired"},
            "(Expired): the access token from the configuration isn't valid",
        ),
        (402, {"detail": "Pay"}, "(Pay): add a payment method in the Parallel console"),
        (402, {"error": "card_declined"}, "(card_declined): the card was declined: look at it"),
        (429, {"detail": "Slow"}, "(Slow): try again later, or with a lower --parallel"),
        (307, b"", "redirects aren't followed, so check the configured service API URL"),
    ],
)
def test_status_error_reads_as_one_line(status: int, body: object, text: str) -> None:
    """Every format of body is read; HTML and other text is only described, not quoted."""
    headers = {"location": "https://elsewhere.example"} if status == 307 else {}

    error = status_error(answer(status, body, headers=headers), NOW)

    assert text in str(error)
    assert str(error).startswith("POST /account/service/v1/apps answered")
    assert "\n" not in str(error)
    assert "secret page" not in str(error)


@pytest.mark.parametrize(
    ("detail", "headers"),
    [
        ("Missing required scope: keys:delete", {}),
        ("Forbidden", {"www-authenticate": 'Bearer error="insufficient_scope"'}),
    ],
)
def test_missing_scope_is_no_matter_of_persons(detail: str, headers: dict[str, str]) -> None:
    """The advice is about the token alone."""
    error = status_error(answer(403, {"detail": detail}, headers=headers), NOW)

    assert str(error).endswith(f"({detail}): use an access token with the missing scope")


def test_status_error_is_safe_to_print() -> None:
    """A server's words are cut off, on one line, and without control characters."""
    error = status_error(answer(400, {"detail": "a\x1b[31m\r\nb\u202e" + "x" * 5000}), NOW)

    assert len(str(error)) < 500
    assert not any(character in str(error) for character in "\x1b\r\n\u202e")


def test_request_id_comes_from_the_header_first() -> None:
    """The people who run the server can find the request by it."""
    headers = {"x-request-id": "req-7"}

    error = status_error(answer(500, {"error": {"ref_id": "ref-1"}}, headers=headers), NOW)

    assert error.request_id == "req-7"
    assert "[request req-7]" in str(error)


def test_request_id_that_quotes_a_token_is_masked() -> None:
    """A server may send back what it got, so the attribute is masked as the text is."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJl"

    error = status_error(answer(500, {}, headers={"x-request-id": f"id {token}"}), NOW)

    assert error.request_id == "id ********"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, StatusError),
        (401, AuthenticationError),
        (402, StatusError),
        (403, PermissionDeniedError),
        (404, NotFoundError),
        (405, StatusError),
        (408, ServerError),
        (409, StatusError),
        (422, StatusError),
        (429, RateLimitedError),
        (500, ServerError),
        (599, ServerError),
    ],
)
def test_status_decides_the_class(status: int, kind: type[StatusError]) -> None:
    """One class for each thing that a caller can act on."""
    error = status_error(answer(status, {"detail": "No"}), NOW)

    assert type(error) is kind
    assert error.status_code == status


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"apps": {}}, "not as documented (apps: Input should be a valid list)"),
        ([], "(the whole: Input should be an object)"),
        (
            {"apps": [{"app_id": "", "app_name": 5, "org_id": "o", "org_name": "O"}, {}]},
            "(apps.0.app_id: isn't an id of letters, digits and .-_~ alone; "
            "apps.0.app_name: Input should be a valid string)",
        ),
        (b"<html>", "success with an HTML page (from a proxy?) instead of JSON"),
        (b" ", "success with an empty body instead of JSON"),
        (b"{", "success with text that isn't JSON instead of JSON"),
        (b"[" * 100_000, "success with text that isn't JSON instead of JSON"),
    ],
)
def test_answer_that_is_not_as_promised_names_the_field(body: object, says: str) -> None:
    """The error names the field and the reason."""
    with pytest.raises(AnswerError) as failure:
        parse(answer(200, body), AppList)

    assert says in str(failure.value)


@pytest.mark.parametrize("body", [{}, {"apps": None}])
def test_answer_without_a_list_is_not_an_empty_list(body: object) -> None:
    """The official client accepts both. They don't say that there is no app."""
    with pytest.raises(AnswerError, match="apps: "):
        parse(answer(200, body), AppList)
    assert parse(answer(200, {"apps": []}), AppList).apps == []


@pytest.mark.parametrize(
    ("status", "more", "headers", "is_whole"),
    [
        (200, {}, {}, True),
        (200, {}, {"content-type": "application/json; charset=utf-8"}, True),
        (200, {}, {"link": '</service/v1/apps>; rel="self", </docs/next>; rel="help"'}, True),
        (206, {}, {}, False),
        (203, {}, {}, False),
        (200, {"has_more": True}, {}, False),
        (200, {"next_cursor": None}, {}, False),
        (200, {}, {"link": '</service/v1/apps?page=2>; rel="next"'}, False),
        (200, {}, {"link": "</service/v1/apps?page=2>; REL = next"}, False),
        (200, {}, {"link": '<a>; rel="prev", </b>; rel="last next"'}, False),
        (200, {}, {"content-type": "text/html"}, False),
        (200, {}, {"content-type": ""}, False),
    ],
)
def test_list_is_whole_only_as_documented(
    status: int, more: dict[str, object], headers: dict[str, str], is_whole: bool
) -> None:
    """One answer with status 200 and JSON, which has nothing but the apps, and no next page."""
    found = answer(status, {"apps": [], **more}, headers=headers)

    assert is_whole_list(found, parse(found, AppList)) is is_whole


@pytest.mark.parametrize(
    ("body", "is_proof"),
    [
        ({"detail": "App not found"}, True),
        ({"detail": [{"loc": ["path"], "msg": "No", "type": "x"}]}, True),
        ({"error": {"message": "Not found"}}, True),
        ({"error": {"detail": "Not found"}}, True),
        ({"type": "error", "error": {"ref_id": "ref-1"}}, True),
        ({"message": "no Route matched with those values"}, False),
        ({"error": "not_found"}, False),
        ({"error": {"code": 404}}, False),
        ({"type": "error"}, False),
        ({"detail": None}, False),
        ([], False),
        (None, False),
        (b"", False),
        (b"<html>Not Found</html>", False),
        (b'{"detail": ', False),
    ],
)
def test_404_is_a_proof_only_in_a_form_of_the_api(body: object, is_proof: bool) -> None:
    """A gateway that knows no such route answers 404 for what exists, too."""
    error = status_error(answer(404, body), NOW)

    assert isinstance(error, NotFoundError) is is_proof
    assert error.status_code == 404
    if not is_proof:
        assert "a proxy or gateway seems to answer, and nothing counts as deleted" in str(error)
    page = status_error(answer(404, body, headers={"content-type": "text/html"}), NOW)
    assert not isinstance(page, NotFoundError)


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, {}, None),
        (200, None, None),
        (200, b"", None),
        (204, b"", None),
        (200, b"<html>Sign in</html>", "success with an HTML page (from a proxy?) instead of JSON"),
        (200, b"OK", "success with text that isn't JSON"),
        (200, {"detail": "App not found"}, "success with an error (App not found)"),
        (202, {}, "202 (Accepted)"),
        (203, {}, "203 (Non-Authoritative Information)"),
        (206, {}, "206 (Partial Content)"),
        (299, {}, "299 (an unknown status)"),
    ],
)
def test_deletion_is_done_only_as_documented(status: int, body: object, says: str | None) -> None:
    """200 or 204, with JSON that is no error, or with nothing."""
    if says is None:
        require_deleted(answer(status, body))
        return
    with pytest.raises(AnswerError, match="isn't certain that it was done") as failure:
        require_deleted(answer(status, body))
    assert says in str(failure.value)
    assert failure.value.may_have_worked


def test_organization_without_a_name_has_an_empty_one() -> None:
    """Only null stands for no name: a missing field is an error."""
    app = {"app_id": "1", "app_name": "search", "org_id": "o", "org_name": None}

    listed = parse(answer(200, {"apps": [app]}), AppList).apps

    assert listed[0].org_name == ""
    app.pop("org_name")
    with pytest.raises(AnswerError, match="org_name: Field required"):
        parse(answer(200, {"apps": [app]}), AppList)


def test_broken_answer_gives_away_no_key() -> None:
    """The error shows no value of the answer: one may be a raw key."""
    body = {"raw_api_key": "hush-hush", "created_at": "hush-hush", "app_id": 5}

    with pytest.raises(AnswerError) as failure:
        parse(answer(200, body), CreatedApiKey)

    assert "hush-hush" not in str(failure.value)
    assert "hush-hush" not in repr(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None
