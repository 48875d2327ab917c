"""Whatever an answer holds, it ends in a model or in an ApiError that is one line."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallel_provider.api import AnswerError, ApiError
from parallel_provider.api.answers import parse
from parallel_provider.api.models import ApiModel, AppList, Balance, CreatedApiKey, CreatedApp
from parallel_provider.model import plain
from parallel_provider.testing.emulator import Emulator
from tests.api.raw_server import raw_server, whole
from tests.lifecycle.runs import api_at

Json = dict[str, Any]
APP_ID, KEY_ID = "00000000-0000-4000-8000-000000000000", "11111111-1111-4111-8111-111111111111"
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
    "\ud800", "ä", "x" * 201, None, 5, True, ["a"],
]  # fmt: skip
HUGE = int("9" * 400)


def answer_to(request: str, body: bytes) -> httpx.Response:
    """Return a successful answer."""
    method, path = request.split()
    return httpx.Response(
        200, content=body, request=httpx.Request(method, f"https://api.example{path}")
    )


def key_answer(**changes: object) -> httpx.Response:
    """Return the answer to the creation of a key, with changed fields."""
    body = json.dumps({**KEY, **changes}).encode()
    return answer_to(f"POST /service/v1/apps/{APP_ID}/keys", body)


def fails(response: httpx.Response, model: type[ApiModel]) -> AnswerError:
    """Return the error that an answer ends in."""
    with pytest.raises(AnswerError) as failure:
        parse(response, model)
    assert "\n" not in str(failure.value)
    str(failure.value).encode()
    return failure.value


@pytest.mark.parametrize("value", NOT_AN_ID)
@pytest.mark.parametrize("field", ["api_key_id", "app_id"])
def test_id_that_is_no_path_segment_is_refused(field: str, value: object) -> None:
    """It would name something else when it is deleted."""
    error = fails(key_answer(**{field: value}), CreatedApiKey)

    assert field in str(error)
    assert error.created_id == (None if field == "api_key_id" else KEY_ID)


@pytest.mark.parametrize("value", NOT_AN_ID)
def test_ids_of_all_other_answers_are_checked_too(value: object) -> None:
    """The ids of apps and organizations are used in paths, lock names and comparisons."""
    for field in ("app_id", "org_id"):
        body = json.dumps({"apps": [{**APP, field: value}]}).encode()
        fails(answer_to("GET /service/v1/apps", body), AppList)
    body = json.dumps({**BALANCE, "org_id": value}).encode()
    fails(answer_to("GET /service/v1/balance", body), Balance)
    error = fails(
        answer_to("POST /service/v1/apps", json.dumps({"app_id": value}).encode()), CreatedApp
    )
    assert error.created_id is None


@pytest.mark.parametrize("value", ["a", "A-1_b.c~d", "..a", "x" * 200])
def test_plain_ids_are_taken(value: str) -> None:
    """The server may choose any id that is one segment of a path."""
    assert parse(key_answer(api_key_id=value), CreatedApiKey).api_key_id == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("raw_api_key", "raw-\ud800-key"),
        ("raw_api_key", ""),
        ("raw_api_key", None),
        ("app_name", "half a character: \udfff"),
        ("display_value", 5),
        ("created_at", HUGE),
        ("created_at", -HUGE),
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
    error = fails(key_answer(**{field: value}), CreatedApiKey)

    assert field in str(error)
    assert error.created_id == KEY_ID
    assert "raw-" not in str(error)


def test_app_that_was_created_is_named_by_the_error() -> None:
    """An unknown field is ignored; if the id is missing, the error has none."""
    body = json.dumps({"app_id": APP_ID, "new": HUGE}).encode()
    assert parse(answer_to("POST /service/v1/apps", body), CreatedApp).app_id == APP_ID
    assert fails(answer_to("POST /service/v1/apps", b"{}"), CreatedApp).created_id is None


@pytest.mark.parametrize("created_at", ["1796083140", "1796083140.0", "1.79608314e9"])
def test_number_counts_however_it_is_written(created_at: str) -> None:
    """JSON has one kind of number."""
    body = json.dumps(KEY).replace("1796083140", created_at).encode()

    assert parse(answer_to("POST /keys", body), CreatedApiKey).created_at == 1_796_083_140


@pytest.mark.parametrize("field", ["credit_balance_cents", "pending_debit_balance_cents"])
@pytest.mark.parametrize(
    "value",
    ["NaN", "Infinity", "-Infinity", '"nan"', '"5"', "true", "null", "1e999", "9" * 400, "1e300"],
)
def test_balance_that_is_no_number_is_refused(field: str, value: str) -> None:
    """It can't be compared with a threshold, so nothing may be charged because of it."""
    body = json.dumps({**BALANCE, field: "HERE"}).replace('"HERE"', value).encode()

    assert field in str(fails(answer_to("GET /service/v1/balance", body), Balance))


@pytest.mark.parametrize("value", ["0", "-12.5", "500.0", "1e3"])
def test_balance_may_be_any_finite_number(value: str) -> None:
    """Also a negative one."""
    body = json.dumps({**BALANCE, "credit_balance_cents": "HERE"}).replace('"HERE"', value)

    found = parse(answer_to("GET /service/v1/balance", body.encode()), Balance)
    assert found.credit_balance_cents == float(value)


def test_balance_of_minus_zero_is_zero() -> None:
    """It is printed and stored, and nobody has a debt of nothing."""
    body = json.dumps({**BALANCE, "credit_balance_cents": -0.0}).encode()

    found = parse(answer_to("GET /service/v1/balance", body), Balance)
    assert str(found.credit_balance_cents) == "0.0"


def test_first_wrong_app_is_the_only_one_that_is_reported() -> None:
    """A list may have millions of wrong apps."""
    error = fails(answer_to("GET /service/v1/apps", b'{"apps": [{}, {}]}'), AppList)

    assert "apps.0.org_name: Field required" in str(error)
    assert "apps.1" not in str(error)


def test_invoice_flag_is_a_boolean() -> None:
    """A text isn't read as a boolean."""
    body = json.dumps({**BALANCE, "will_invoice": "false"}).encode()

    assert "will_invoice" in str(fails(answer_to("GET /service/v1/balance", body), Balance))


odd_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(alphabet=st.characters(), max_size=20),
    st.sampled_from(["\ud800", "..", "a/b", "", "nan", HUGE, -HUGE, 2**53 + 1, [], {}, [[]]]),
)


@given(answer=st.sampled_from(ANSWERS), data=st.data())
def test_mutated_answer_ends_in_a_model_or_an_api_error(
    answer: tuple[type[ApiModel], Json], data: st.DataObject
) -> None:
    """No odd value raises another exception, and what is read can be written again."""
    model, body = answer
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
        found = parse(answer_to("POST /service/v1/apps/x/keys", raw), model)
        shown = json.dumps(plain(found), ensure_ascii=False, allow_nan=False)
    except ApiError as error:
        shown = str(error)
    assert "\n" not in shown
    shown.encode()


@pytest.mark.parametrize("deep", [b"[" * 500_000, b'{"apps":' * 100_000, b"9" * 900_000])
def test_deep_and_long_answers_are_answer_errors(deep: bytes) -> None:
    """Neither deep nesting nor a very long number raises another exception."""
    with raw_server(lambda _: [whole(deep)]) as server, api_at(server.url) as api:
        for call in (
            api.list_apps,
            api.get_balance,
            lambda: api.create_app("search"),
            lambda: api.create_key(APP_ID, "ci"),
        ):
            with pytest.raises(AnswerError):
                call()


@pytest.mark.parametrize("bad_id", ["", ".", "..", "..."])
def test_dot_segments_are_never_sent(emulator: Emulator, bad_id: str) -> None:
    """An existing state may hold such an id. To delete that key must not delete its app."""
    app_id = emulator.state()["apps"][0]["app_id"]
    with api_at(emulator.url, emulator.access_token) as api:
        calls: list[Callable[[], object]] = [
            lambda: api.delete_key(app_id, bad_id),
            lambda: api.delete_key(bad_id, app_id),
            lambda: api.delete_app(bad_id),
            lambda: api.create_key(bad_id, "ci"),
        ]
        for call in calls:
            with pytest.raises(ApiError, match="can't stand in a URL") as failure:
                call()
            assert not failure.value.may_have_worked

    assert emulator.state()["requests"] == {}
