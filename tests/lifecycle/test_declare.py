"""What follows from declarations: checks, comparisons, secrets. When values are the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr

from parallel_provider.lifecycle.app import AppLifecycle
from parallel_provider.lifecycle.balance_top_up import BalanceTopUpLifecycle
from parallel_provider.lifecycle.declare import (
    UNKNOWN,
    AppId,
    Arguments,
    ChargeCents,
    DefaultsToResourceName,
    Duration,
    Flag,
    Inputs,
    JsonLike,
    PositiveCents,
    Problem,
    Props,
    ReplaceOnChange,
    State,
    VisibleText,
    canonical_json,
    changed_inputs,
    check_inputs,
    input_defaulting_to_resource_name,
    replacing_inputs,
    same,
    secret_outputs,
)
from parallel_provider.lifecycle.keys import ApiKeyLifecycle
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import Context
from parallel_provider.model import Integer
from parallel_provider.printable import line_for_user
from tests.lifecycle.runs import run_at

UUID = "0b0c3ce4-5a3c-4c1c-9f0a-4a4d4f0e6d11"


class ToyInputs(Inputs):
    """What a program says of a toy."""

    app_id: Annotated[AppId, ReplaceOnChange()] = Field(description="Its app.")
    toy_name: Annotated[VisibleText, ReplaceOnChange(), DefaultsToResourceName()]
    keep: Flag = True
    wait: Duration | None = None
    price_cents: ChargeCents | None = None
    limit_cents: PositiveCents | None = None
    command: Arguments = None
    triggers: JsonLike = None

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """A limit is for a price."""
        if "limit_cents" in valid and "price_cents" not in given:
            yield Problem("limit_cents", "needs a price_cents")


class ToyState(State):
    """What is known of a toy."""

    app_id: str
    toy_name: str
    made_at: Integer
    key: SecretStr | None = None
    older_keys: tuple[SecretStr, ...] = ()
    triggers: Any = None


GIVEN = {"app_id": UUID, "toy_name": "ball"}
BLANK = {"toy_name": "must not be empty or blank"}
CONTROL = {"toy_name": "must not contain control characters"}
NO_UUID = {"app_id": "must be a UUID, such as the app_id of a parallel App"}
CENTS = "must be a whole number of cents"

CASES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"toy_name": None}, {"toy_name": "is required"}),
    ({"toy_name": " Büro 検索 🔎 "}, {}),
    ({"toy_name": "x" * 1000}, {}),
    ({"toy_name": ""}, BLANK),
    ({"toy_name": " \t "}, BLANK),
    ({"toy_name": "\u200b\u202e"}, BLANK),
    ({"toy_name": "a\nb"}, CONTROL),
    ({"toy_name": "a\u2028b"}, CONTROL),
    ({"toy_name": "a\x00"}, CONTROL),
    ({"toy_name": "\ud800"}, CONTROL),
    ({"toy_name": True, "keep": 1}, {"toy_name": "true or false", "keep": "not a number"}),
    (
        {"toy_name": ["a"], "keep": {}},
        {"toy_name": "must be text, not a list", "keep": "an object"},
    ),
    ({"toy_name": 5, "keep": "yes"}, {"toy_name": "not a number", "keep": "not text"}),
    ({"app_id": UNKNOWN, "toy_name": UNKNOWN, "keep": UNKNOWN, "triggers": UNKNOWN}, {}),
    ({"app_id": f"{UUID}\n"}, NO_UUID),
    ({"app_id": f" {UUID}"}, NO_UUID),
    ({"app_id": UUID.replace("-", "")}, NO_UUID),
    ({"app_id": 7}, NO_UUID),
    ({"wait": "soon"}, {"wait": "must be a duration"}),
    ({"command": ["gh", UNKNOWN]}, {}),
    ({"command": []}, {"command": "list of arguments"}),
    ({"command": ["", "x"]}, {"command": "begin with a command"}),
    ({"price_cents": 1}, {}),
    ({"price_cents": 10_000.0}, {}),
    ({"price_cents": 0}, {"price_cents": "must be from 1 to 10000 (cents): got 0"}),
    ({"price_cents": 10_001.0}, {"price_cents": "from 1 to 10000 (cents): got 10001"}),
    ({"price_cents": 0.5}, {"price_cents": CENTS}),
    ({"price_cents": float("nan")}, {"price_cents": CENTS}),
    ({"price_cents": float("inf")}, {"price_cents": CENTS}),
    ({"price_cents": "2000"}, {"price_cents": f"{CENTS}, not text"}),
    ({"price_cents": True}, {"price_cents": f"{CENTS}, not true or false"}),
    ({"price_cents": 1, "limit_cents": 0}, {"limit_cents": "must be at least 1 (cents): got 0"}),
    ({"price_cents": 1, "limit_cents": 2**53}, {"limit_cents": "at most 9007199254740991"}),
    ({"limit_cents": 1, "keep": 1}, {"limit_cents": "needs a price", "keep": "true or false"}),
    ({"limit_cents": 1, "price_cents": UNKNOWN}, {}),
    ({"triggers": {"a": [None, UNKNOWN, 1.5, -(2**53) + 1]}}, {}),
    ({"triggers": [{"a": {1: 2}}]}, {"triggers": "a dict key of type int: make it of text"}),
    ({"triggers": {"a": [object()]}}, {"triggers": "a value of type object: make it of text"}),
    ({"triggers": [2**53 + 1]}, {"triggers": "beyond 9007199254740991"}),
    ({"triggers": [float("inf")]}, {"triggers": "isn't finite"}),
    ({"triggers": [float("nan")]}, {"triggers": "isn't finite"}),
    ({"triggers": "{x} {0}"}, {}),
]


@pytest.mark.parametrize(("inputs", "expected"), CASES)
def test_check_finds_every_problem_on_its_input(
    inputs: dict[str, Any], expected: dict[str, str]
) -> None:
    """All at once, also those between inputs, whatever else is wrong."""
    checked = check_inputs(ToyInputs, {**GIVEN, **inputs})

    problems = {problem.input: line_for_user(problem.reason) for problem in checked.problems}
    assert problems.keys() == expected.keys()
    assert len(problems) == len(checked.problems)
    for name, words in expected.items():
        assert words in problems[name]


NOT_ALLOWED = "switched off"
APP, API_KEY, TOP_UP = AppLifecycle(), ApiKeyLifecycle(), BalanceTopUpLifecycle()


@pytest.mark.parametrize(
    ("lifecycle", "inputs", "expected"),
    [
        (APP, {"app_name": UNKNOWN, "adopt_existing": UNKNOWN, "existing_app_id": UNKNOWN}, {}),
        (APP, {"app_name": "a", "adopt_existing": True, "existing_app_id": UUID}, {}),
        (APP, {}, {"app_name": "is required"}),
        (
            APP,
            {"app_name": "a", "adopt_existing": "yes", "existing_app_id": "search"},
            {"adopt_existing": "must be true or false", "existing_app_id": "must be a UUID"},
        ),
        (API_KEY, {"app_id": UUID, "api_key_name": "ci", "triggers": None}, {}),
        (API_KEY, {}, {"app_id": "is required", "api_key_name": "is required"}),
        # Without the setting, and before anybody is asked, a right amount has one problem.
        (TOP_UP, {"amount_cents": 1}, {"amount_cents": NOT_ALLOWED}),
        (TOP_UP, {"amount_cents": 10_000}, {"amount_cents": NOT_ALLOWED}),
        (TOP_UP, {}, {"amount_cents": "is required"}),
        (
            TOP_UP,
            {"amount_cents": 0, "when_below_cents": 500},
            {"amount_cents": "from 1", "monthly_limit_cents": "required together"},
        ),
        (
            TOP_UP,
            {"amount_cents": 0, "monthly_limit_cents": 500},
            {"amount_cents": "from 1", "monthly_limit_cents": "only for use together"},
        ),
        (
            TOP_UP,
            {"amount_cents": 200, "when_below_cents": 0, "monthly_limit_cents": 100},
            {
                "when_below_cents": "at least 1",
                "monthly_limit_cents": "less than one charge of 200 cents",
                "amount_cents": NOT_ALLOWED,
            },
        ),
    ],
)
def test_each_resource_has_its_own_problems(
    lifecycle: Lifecycle[Any, Any], inputs: dict[str, Any], expected: dict[str, str]
) -> None:
    """All are told at once, and each one begins with the name of its input."""
    checked = lifecycle.check(Context(run_at()), {}, inputs)

    problems = {problem.input: line_for_user(problem.text) for problem in checked.problems}
    assert problems.keys() == expected.keys()
    for name, words in expected.items():
        assert problems[name].startswith(name)
        assert words in problems[name]


def test_checked_inputs_are_plain_and_complete() -> None:
    """What a type tidies up is tidied up, and defaults are filled in. The rest stays as it is."""
    news = {"app_id": UUID.upper(), "toy_name": UNKNOWN, "command": ["gh", UNKNOWN], "other": [1]}

    assert check_inputs(ToyInputs, news).inputs == {**news, "app_id": UUID, "keep": True}


def test_both_spellings_are_read() -> None:
    """Python's for Python programs, camelCase for all others."""
    by_alias = ToyInputs.model_validate({"appId": UUID, "toyName": "ball", "limitCents": 1.0})
    by_name = ToyInputs.model_validate({**GIVEN, "limit_cents": 1})

    assert by_alias == by_name


def test_facts_follow_from_the_declaration() -> None:
    """Which inputs replace, which has a default, which outputs are secrets."""
    assert replacing_inputs(ToyInputs) == ("app_id", "toy_name")
    assert input_defaulting_to_resource_name(ToyInputs) == "toy_name"
    assert secret_outputs(ToyState) == ("key", "older_keys")


@pytest.mark.parametrize(
    ("news", "changed"),
    [
        ({**GIVEN, "triggers": {"a": 2.0}, "keep": False}, set()),
        ({**GIVEN, "toy_name": "doll", "triggers": {"a": 2}}, {"toy_name"}),
        ({**GIVEN, "app_id": UNKNOWN, "triggers": {"a": 2}}, {"app_id"}),
        ({**GIVEN, "triggers": {"a": True}}, {"triggers"}),
        (GIVEN, {"triggers"}),
    ],
)
def test_changed_inputs_are_those_that_differ_from_the_state(
    news: dict[str, Any], changed: set[str]
) -> None:
    """As JSON compares; an input that the state doesn't have changes nothing."""
    state = ToyState(app_id=UUID, toy_name="ball", made_at=1, triggers={"a": 2})

    assert changed_inputs(ToyInputs, state, news) == changed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (2, 2.0),
        ([1, {"a": 0}], [1.0, {"a": 0.0}]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (None, None),
        (0, -0.0),
        (1e300, 1e300),
        (math.nan, math.nan),
        (math.inf, math.inf),
    ],
)
def test_same_ignores_what_the_wire_changes(one: object, other: object) -> None:
    """Numbers become floats on the way, and dicts come in any order."""
    assert same(one, other)
    assert canonical_json(one) == canonical_json(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (True, 1),
        (False, 0),
        (None, False),
        (None, ""),
        (None, {}),
        ([], {}),
        ("1", 1),
        ([1, 2], [2, 1]),
        ({"a": None}, {}),
        (0.1, 0.2),
        (UNKNOWN, UNKNOWN),
        ({"a": [UNKNOWN]}, {"a": [UNKNOWN]}),
        (UNKNOWN, None),
    ],
)
def test_same_tells_apart_what_json_does(one: object, other: object) -> None:
    """An unknown value equals nothing, itself included: it may turn out as anything."""
    assert not same(one, other)


@given(JSON)
def test_same_holds_for_anything_and_itself_over_the_wire(value: object) -> None:
    """What comes back with floats for its numbers makes no perpetual difference."""
    assert same(value, _over_the_wire(value))


def test_canonical_json_is_pinned() -> None:
    """Idempotency keys are made of this text: another form would charge again."""
    value = {"b": [1.0, None, True], "a": {"ü": 0.5}}

    assert canonical_json(value) == '{"a": {"\\u00fc": 0.5}, "b": [1, null, true]}'


def test_canonical_json_refuses_what_json_cannot_hold() -> None:
    """An unknown value must never become part of a key."""
    with pytest.raises(TypeError):
        canonical_json([UNKNOWN])


def _over_the_wire(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        # Beyond this a float can't tell neighbours apart; the program's side has the loss then.
        return float(value) if abs(value) <= 2**53 else value
    if isinstance(value, list):
        return [_over_the_wire(item) for item in value]
    if isinstance(value, dict):
        return {key: _over_the_wire(item) for key, item in value.items()}
    return value
