"""Whatever a successful answer holds, it ends in a model or in an AnswerError that is one line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from parallel_provider.api import AnswerError, ApiError
from parallel_provider.api.errors import status_error
from parallel_provider.api.models import (
    ApiModel,
    AppList,
    Balance,
    CreatedApiKey,
    CreatedApp,
    Deleted,
)
from parallel_provider.model import Secret, plain
from parallel_provider.printable import MASK, masked
from tests.api.raw_server import raw_server, whole
from tests.lifecycle.runs import api_at

Json = dict[str, Any]
APP_ID, KEY_ID = "00000000-0000-4000-8000-000000000000", "11111111-1111-4111-8111-11111111111a"
APP = {"app_id": APP_ID, "app_name": "search", "org_id": "org_1", "org_name": "Acme"}
KEY = {
    "api_key_id": KEY_ID,
    "api_key_name": "ci",
    "app_id": APP_ID,
    "app_name": "search",
    "created_by_user_id": "user_1",
    "created_by_user_email": "a@example.com",
    "display_value": "...1234",
    "raw_api_key": "raw-key-1234",
    "created_at": 1_796_083_140,
}
BALANCE = {
    "org_id": "org_1",
    "credit_balance_cents": 500,
    "pending_debit_balance_cents": 0.5,
    "will_invoice": False,
}
ANSWERS: list[tuple[type[ApiModel], Json]] = [
    (CreatedApiKey, KEY),
    (CreatedApp, {"app_id": APP_ID}),
    (AppList, {"apps": [APP]}),
    (Balance, BALANCE),
]
NOT_AN_ID = [
    "", ".", "..", "...", "a/b", "../balance", "a%2Fb", "a?b", "a#b", "a b", "a\nb", "a\x00b",
    "\ud800", "ä", "x" * 201, None, 5, True, ["a"], "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
]  # fmt: skip
HUGE = int("9" * 400)


def answer(
    body: object, status: int = 200, *, headers: dict[str, str] | None = None
) -> httpx.Response:
    """Return an answer with this body: bytes as they are, anything else as JSON."""
    return httpx.Response(
        status,
        content=body if isinstance(body, bytes) else json.dumps(body).encode(),
        headers={"content-type": "application/json", **(headers or {})},
        request=httpx.Request("POST", "https://api.example/service/v1/apps"),
    )


def fails(model: type[ApiModel], body: object) -> AnswerError:
    """Return the error that an answer ends in."""
    with pytest.raises(AnswerError) as failure:
        model.read(answer(body))
    assert "\n" not in str(failure.value)
    str(failure.value).encode()
    return failure.value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"apps": {}}, "not as documented (apps: Input should be a valid list)"),
        ({}, "(apps: Field required)"),
        ({"apps": None}, "(apps: Input should be a valid list)"),
        ([], "(the whole: Input should be an object)"),
        # The first wrong app is enough: a list may have millions of them.
        (
            {"apps": [{"app_id": "", "app_name": 5, "org_id": "o", "org_name": "O"}, {}]},
            "(apps.0.app_id: isn't an id of letters, digits and .-_~ alone; "
            "apps.0.app_name: Input should be a valid string)",
        ),
        (b"<html>", "success with an HTML page (from a proxy?) instead of JSON"),
        (b" ", "success with an empty body instead of JSON"),
        (b"{", "success with text that isn't JSON instead of JSON"),
    ],
)
def test_answer_that_is_not_as_promised_names_the_field(body: object, says: str) -> None:
    """The error names the field and the reason. What is missing is no empty list."""
    assert says in str(fails(AppList, body))


@pytest.mark.parametrize(
    ("status", "more", "headers", "is_complete"),
    [
        (200, {}, {}, True),
        (200, {}, {"content-type": "application/json; charset=utf-8"}, True),
        (200, {}, {"link": '</service/v1/apps>; rel="self", </docs/next>; rel="help"'}, True),
        (206, {}, {}, False),
        (203, {}, {}, False),
        (200, {"has_more": True}, {}, False),
        (200, {"next_cursor": None}, {}, False),
        (200, {"is_complete": True}, {}, False),
        (200, {"more": "\ud800"}, {}, False),
        (200, {}, {"link": '</service/v1/apps?page=2>; rel="next"'}, False),
        (200, {}, {"link": "</service/v1/apps?page=2>; REL = next"}, False),
        (200, {}, {"link": '<a>; rel="prev", </b>; rel="last next"'}, False),
        (200, {}, {"content-type": "text/html"}, False),
        (200, {}, {"content-type": ""}, False),
    ],
)
def test_list_is_complete_only_as_documented(
    status: int, more: Json, headers: dict[str, str], *, is_complete: bool
) -> None:
    """One answer with status 200 and JSON, which has nothing but the apps, and no next page."""
    found = AppList.read(answer({"apps": [APP], **more}, status, headers=headers))

    assert dict(found) == {"apps": found.apps, "is_complete": is_complete}
    assert [app.app_id for app in found.apps] == [APP_ID]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (200, {}, None),
        (200, None, None),
        (204, b"", None),
        (200, b"", "200 (OK, with an empty body"),
        (200, b"<html>Sign in</html>", "200 (OK, with an HTML page (from a proxy?))"),
        (200, b"OK", "200 (OK, with text that isn't JSON)"),
        (200, {"detail": "App not found"}, "200 (App not found)"),
        (202, {}, "202 (Accepted)"),
        (203, {}, "203 (Non-Authoritative Information)"),
        (206, {}, "206 (Partial Content)"),
    ],
)
def test_deletion_is_done_only_as_documented(status: int, body: object, says: str | None) -> None:
    """200 with JSON that is no error, or 204."""
    if says is None:
        Deleted.read(answer(body, status))
        return
    with pytest.raises(AnswerError, match="isn't certain that it was done") as failure:
        Deleted.read(answer(body, status))
    assert says in str(failure.value)
    assert failure.value.may_have_worked


def test_deletion_with_a_page_that_says_nothing_of_html_is_not_done() -> None:
    """A success that doesn't say that it is JSON proves nothing."""
    with pytest.raises(AnswerError):
        Deleted.read(answer({}, headers={"content-type": "text/plain"}))


def test_organization_without_a_name_has_an_empty_one() -> None:
    """Only null stands for no name: a missing field is an error."""
    [app] = AppList.read(answer({"apps": [{**APP, "org_name": None}]})).apps
    assert app.org_name == ""
    nameless = {name: value for name, value in APP.items() if name != "org_name"}
    assert "org_name: Field required" in str(fails(AppList, {"apps": [nameless]}))


def test_broken_answer_gives_away_no_key() -> None:
    """The error shows no value of the answer, and nothing shows the raw key any more."""
    error = fails(CreatedApiKey, {"raw_api_key": "hush-hush", "created_at": "soon", "app_id": 5})

    assert "hush-hush" not in str(error) + repr(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert masked("it is hush-hush") == f"it is {MASK}"


class OneCredential(ApiModel):
    """A part of an answer of a new endpoint."""

    client_secret: SecretStr


class NewCredentials(ApiModel):
    """The answer of a new endpoint with secrets, which is named nowhere else."""

    id_field = "credential_id"

    credential_id: str
    secret: Secret | None = None
    credentials: list[OneCredential] = []  # noqa: RUF012 - pydantic copies it


def test_secrets_of_a_new_endpoint_are_kept_out_of_texts_by_their_type() -> None:
    """A field of the type SecretStr is enough, also in a part of an answer."""
    hidden = ("first-secret-1", "second-secret-2")
    body = {
        "credential_id": "c-1",
        "secret": hidden[0],
        "credentials": [{"client_secret": hidden[1]}, {}],
    }
    error = fails(NewCredentials, body)

    assert error.created_id == "c-1"
    assert masked(" ".join(hidden)) == f"{MASK} {MASK}"
    assert NewCredentials.holds_secret()
    refusal = answer({"detail": "stored third-secret-3"}, 500)
    assert "third" not in str(
        status_error(refusal, "here", may_hold_secret=NewCredentials.holds_secret())
    )


@pytest.mark.parametrize(
    ("model", "holds_secret"),
    [(CreatedApiKey, True), (CreatedApp, False), (AppList, False), (Balance, False)],
)
def test_only_the_answer_with_a_key_holds_a_secret(
    model: type[ApiModel], *, holds_secret: bool
) -> None:
    """The server's words are shown in all other errors."""
    assert model.holds_secret() is holds_secret


@pytest.mark.parametrize("value", NOT_AN_ID)
def test_id_that_is_no_path_segment_is_refused(value: object) -> None:
    """It would name something else when it is deleted, or has a meaning of its own for Pulumi."""
    error = fails(CreatedApiKey, {**KEY, "api_key_id": value})
    assert "api_key_id" in str(error)
    error = fails(CreatedApiKey, {**KEY, "app_id": value})
    assert "app_id" in str(error)
    assert error.created_id == KEY_ID
    for field in ("app_id", "org_id"):
        fails(AppList, {"apps": [{**APP, field: value}]})
    fails(Balance, {**BALANCE, "org_id": value})
    fails(CreatedApp, {"app_id": value})


@pytest.mark.parametrize("value", ["a", "A-1_b.c~d", "..a", "x" * 200])
def test_plain_ids_are_taken(value: str) -> None:
    """The server may choose any id that is one segment of a path."""
    assert CreatedApiKey.read(answer({**KEY, "api_key_id": value})).api_key_id == value


def test_uuid_of_an_app_is_in_lower_case() -> None:
    """It means the same in upper case, and ids are compared as text."""
    upper = {**APP, "app_id": KEY_ID.upper()}
    assert AppList.read(answer({"apps": [upper]})).apps[0].app_id == KEY_ID
    assert CreatedApp.read(answer({"app_id": KEY_ID.upper()})).app_id == KEY_ID


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("raw_api_key", "raw-\ud800-key"),
        ("raw_api_key", ""),
        ("raw_api_key", None),
        ("app_name", "half a character: \udfff"),
        ("display_value", 5),
        ("created_at", HUGE),
        ("created_at", -1),
        ("created_at", 2**53 + 1),
        ("created_at", 1_796_083_140_000),
        ("created_at", 1.5),
        ("created_at", float("nan")),
        ("created_at", float("inf")),
        ("created_at", "1796083140"),
        ("created_at", True),
        ("created_at", None),
        ("api_key_name", {}),
    ],
)
def test_odd_value_in_a_key_is_an_answer_error_with_the_keys_id(field: str, value: object) -> None:
    """The key exists, so the caller must be able to revoke it."""
    error = fails(CreatedApiKey, {**KEY, field: value})

    assert field in str(error)
    assert error.created_id == KEY_ID
    assert "raw-" not in str(error)


def test_text_that_is_not_utf_8_spoils_its_field_alone() -> None:
    """The key exists, so the caller must be able to revoke it."""
    body = json.dumps(KEY).encode().replace(b"a@example.com", b"\xff@example.com")
    assert fails(CreatedApiKey, body).created_id == KEY_ID


def test_only_the_date_header_tells_when_a_key_was_answered() -> None:
    """A field of that name says nothing, whatever it holds."""
    date = {"date": "Mon, 30 Nov 2026 23:59:00 GMT"}
    for body in (KEY, {**KEY, "answered_at": "soon"}, {**KEY, "answered_at": 5}):
        assert CreatedApiKey.read(answer(body, headers=date)).answered_at == 1_796_083_140
        assert CreatedApiKey.read(answer(body)).answered_at is None


@pytest.mark.parametrize("created_at", ["1796083140", "1796083140.0", "1.79608314e9"])
def test_number_counts_however_it_is_written(created_at: str) -> None:
    """JSON has one kind of number."""
    body = json.dumps(KEY).replace("1796083140", created_at).encode()

    assert CreatedApiKey.read(answer(body)).created_at == 1_796_083_140


@pytest.mark.parametrize("field", ["credit_balance_cents", "pending_debit_balance_cents"])
@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", '"nan"', '"5"', "true", "null", "1e999", "9" * 400, "1e300"],
)
def test_balance_that_is_no_number_is_refused(field: str, value: str) -> None:
    """It can't be compared with a threshold, so nothing may be charged because of it."""
    body = json.dumps({**BALANCE, field: "HERE"}).replace('"HERE"', value).encode()

    assert field in str(fails(Balance, body))


@pytest.mark.parametrize("value", ["0", "-12.5", "500.0", "1e3"])
def test_balance_may_be_any_finite_number(value: str) -> None:
    """Also a negative one."""
    body = json.dumps({**BALANCE, "credit_balance_cents": "HERE"}).replace('"HERE"', value)

    assert Balance.read(answer(body.encode())).credit_balance_cents == float(value)


def test_invoice_flag_is_a_boolean() -> None:
    """A text isn't read as a boolean."""
    assert "will_invoice" in str(fails(Balance, {**BALANCE, "will_invoice": "false"}))


odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(alphabet=st.characters(), max_size=20),
    st.sampled_from(["\ud800", "..", "a/b", "", "nan", HUGE, -HUGE, 2**53 + 1, [], {}, [[]]]),
)


@given(kind=st.sampled_from(ANSWERS), data=st.data())
def test_mutated_answer_ends_in_a_model_or_an_api_error(
    kind: tuple[type[ApiModel], Json], data: st.DataObject
) -> None:
    """No odd value raises another exception, and what is read can be written again."""
    model, body = kind
    body = copy.deepcopy(body)
    target = body["apps"][0] if "apps" in body and data.draw(st.booleans()) else body
    field = data.draw(st.sampled_from([*sorted(target), "unknown"]))
    if data.draw(st.booleans()):
        target[field] = data.draw(odd_values)
    else:
        target.pop(field, None)
    content = json.dumps(body, ensure_ascii=data.draw(st.booleans()))
    raw = content.encode(errors="surrogatepass")
    if data.draw(st.integers(0, 3)) == 0:
        at = data.draw(st.integers(0, len(raw)))
        raw = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + 1 :]

    try:
        shown = json.dumps(plain(model.read(answer(raw))), ensure_ascii=False, allow_nan=False)
    except ApiError as error:
        shown = str(error)
    assert "\n" not in shown
    shown.encode()


@pytest.mark.parametrize("deep", [b"[" * 500_000, b'{"apps":' * 100_000, b"9" * 900_000])
def test_deep_and_long_answers_are_answer_errors(deep: bytes) -> None:
    """Neither deep nesting nor a very long number raises another exception."""
    with raw_server(lambda _: [whole(deep)]) as server, api_at(server.url) as api:
        calls: list[Callable[[], object]] = [
            api.list_apps,
            api.get_balance,
            lambda: api.create_app("search"),
            lambda: api.create_key(APP_ID, "ci"),
        ]
        for call in calls:
            with pytest.raises(AnswerError):
                call()
