"""Whatever an error's body holds, it ends in a StatusError that is one line and quotes no key."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallel_provider.api import ApiError
from parallel_provider.api.answers import status_error
from tests.api.raw_server import raw_server, whole
from tests.api.test_odd_answers import APP_ID, odd_values
from tests.lifecycle.runs import api_at

RAW_KEY = "SECRETRAWKEYofletters"


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
    path=st.sampled_from(["/service/v1/apps", "/service/v1/apps/x/keys"]),
)
def test_any_error_body_ends_in_a_status_error(status: int, body: object, path: str) -> None:
    """The server's words may be anything."""
    response = httpx.Response(
        status,
        content=json.dumps(body).encode(),
        request=httpx.Request("POST", f"https://api.example{path}"),
    )

    error = status_error(response, 0.0)

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
