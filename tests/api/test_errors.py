"""From an answer with an error status to an error that a person can read, without any secret."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallel_provider.api import (
    ApiError,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    StatusError,
)
from parallel_provider.api.errors import status_error
from tests.api.raw_server import raw_server, whole
from tests.api.test_models import APP_ID, odd_values
from tests.lifecycle.runs import api_at

REQUEST = httpx.Request("POST", "https://api.example.com/account/service/v1/apps")
RAW_KEY = "SECRETRAWKEYofletters"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJl"


def error_of(status: int, body: object = None, **headers: str) -> StatusError:
    """Return the error of an answer with this body: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    headers = {"content-type": "application/json", **named}
    response = httpx.Response(status, content=content, headers=headers, request=REQUEST)
    return status_error(response, "PARALLEL_ACCESS_TOKEN")


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
        (500, b"[" * 100_000, "answered 500 (Internal Server Error, with text that isn't JSON)"),
        (
            401,
            {"detail": "Expired"},
            "(Expired): the access token from PARALLEL_ACCESS_TOKEN is",
        ),
        (402, {"detail": "Pay"}, "(Pay): add a payment method in the Parallel console"),
        (402, {"error": "card_declined"}, "(card_declined): the card was declined: look at it"),
        (429, {"detail": "Slow"}, "(Slow): try again later, or with fewer requests in parallel"),
        (307, b"", "redirects aren't followed, so check the configured service API URL"),
    ],
)
def test_status_error_reads_as_one_line(status: int, body: object, text: str) -> None:
    """Every format of body is read; HTML and other text is only described, not quoted."""
    error = error_of(status, body)

    assert text in str(error)
    assert str(error).startswith("POST /account/service/v1/apps answered")
    assert "\n" not in str(error)
    assert "secret page" not in str(error)


@pytest.mark.parametrize(
    ("detail", "headers"),
    [
        ("Missing required scope: keys:delete", {}),
        ("Forbidden", {"www_authenticate": 'Bearer error="insufficient_scope"'}),
    ],
)
def test_missing_scope_is_no_matter_of_persons(detail: str, headers: dict[str, str]) -> None:
    """The advice is about the token alone."""
    error = error_of(403, {"detail": detail}, **headers)

    assert str(error).endswith(f"({detail}): use an access token with the missing scope")


def test_status_error_is_safe_to_print() -> None:
    """A server's words are cut off, on one line, without control characters and without a token."""
    error = error_of(
        400, {"detail": f"a\x1b[31m\r\nb\u202e {JWT}" + "x" * 5000}, x_request_id=f"id {JWT}"
    )

    assert len(str(error)) < 500
    assert not any(character in str(error) for character in "\x1b\r\n\u202e")
    assert JWT not in str(error)
    assert str(error).endswith("[request id ********]")


def test_request_id_comes_from_the_header_first() -> None:
    """The people who run the server can find the request by it."""
    assert "[request req-7]" in str(
        error_of(500, {"error": {"ref_id": "ref-1"}}, x_request_id="req-7")
    )


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
        (422, StatusError),
        (429, RateLimitedError),
        (500, ServerError),
        (599, ServerError),
    ],
)
def test_status_decides_the_class(status: int, kind: type[StatusError]) -> None:
    """One class for each thing that a caller can act on."""
    error = error_of(status, {"detail": "No"})

    assert type(error) is kind
    assert error.status_code == status


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
    error = error_of(404, body)

    assert isinstance(error, NotFoundError) is is_proof
    assert error.status_code == 404
    if not is_proof:
        assert "a proxy or gateway seems to answer, and nothing counts as deleted" in str(error)
    assert not isinstance(error_of(404, body, content_type="text/html"), NotFoundError)


@pytest.mark.parametrize(
    ("status", "headers", "may_have_worked"),
    [
        (408, {}, True),
        (500, {"retry_after": "5"}, True),
        (503, {}, True),
        # The server didn't take the request; a gateway has already passed it on.
        (503, {"retry_after": "5"}, False),
        (504, {"retry_after": "5"}, True),
        (429, {}, False),
        (409, {"retry_after": "5"}, False),
    ],
)
def test_failure_of_the_server_may_have_worked(
    status: int, headers: dict[str, str], *, may_have_worked: bool
) -> None:
    """Only what was certainly not carried out may be sent again."""
    error = error_of(status, {}, **headers)

    assert error.may_have_worked is may_have_worked
    assert error.retry_after == (5.0 if headers else None)


@given(
    status=st.integers(400, 599),
    body=st.recursive(
        odd_values,
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["detail", "error", "loc", "msg", "message", "ref_id"]), inner
            )
            | st.lists(inner)
        ),
    ),
    may_hold_secret=st.booleans(),
)
def test_any_error_body_ends_in_a_status_error(
    status: int, body: object, *, may_hold_secret: bool
) -> None:
    """The server's words may be anything."""
    response = httpx.Response(status, content=json.dumps(body).encode(), request=REQUEST)

    error = status_error(response, "here", may_hold_secret)

    assert "\n" not in str(error)
    str(error).encode()


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (500, {"detail": f"stored {RAW_KEY}"}, "Internal Server Error"),
        (500, {"error": {"message": RAW_KEY, "ref_id": RAW_KEY}}, "Internal Server Error"),
        (502, f"<html>{RAW_KEY}", "Bad Gateway, with an HTML page"),
        (409, {"detail": [{"loc": [RAW_KEY], "msg": RAW_KEY}]}, "Conflict"),
        (422, {"detail": [{"loc": ["body", "api_key_name"], "msg": RAW_KEY}]}, "own words may"),
        (
            422,
            {
                "detail": [
                    {"loc": ["body", "api_key_name"], "msg": "String should have at most 64"},
                    {"loc": ["body", "app_id"], "msg": RAW_KEY},
                ]
            },
            "(api_key_name: String should have at most 64; the server's own words may",
        ),
        (403, {"detail": "Missing required scope: keys:create"}, "scope: keys:create"),
        (404, {"detail": "App not found"}, "(App not found)"),
        (409, {"detail": "API key limit reached"}, "(API key limit reached)"),
        (422, {"detail": "You can't have more than 100 keys."}, "can't have more than 100 keys.)"),
        (422, {"detail": "At most 100 keys, please."}, "(At most 100 keys, please.)"),
        (599, {"detail": RAW_KEY}, "answered 599"),
    ],
)
def test_error_body_of_a_keys_creation_is_not_quoted(status: int, body: object, shown: str) -> None:
    """It may hold the new key. Only words that can't hold it are shown."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    answer = whole(content, f"{status} {RAW_KEY}")
    with (
        raw_server(lambda _: [answer]) as server,
        api_at(server.url) as api,
        pytest.raises(ApiError) as failure,
    ):
        api.create_key(APP_ID, "ci")

    assert RAW_KEY not in str(failure.value)
    assert shown in str(failure.value)
