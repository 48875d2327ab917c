"""What follows from the declaration of a resource, on a resource that no server has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from pydantic import Field, SecretStr, ValidationError

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
    changed_inputs,
    check_inputs,
    named_input,
    replacing_inputs,
    secret_outputs,
)
from parallel_provider.model import Integer, plain

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

CASES: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"toy_name": None}, {"toy_name": "is required"}),
    ({"app_id": UNKNOWN, "toy_name": UNKNOWN, "keep": UNKNOWN, "triggers": UNKNOWN}, {}),
    ({"command": ["gh", UNKNOWN], "triggers": {"a": [None, UNKNOWN, 1.5]}}, {}),
    ({"toy_name": 5.0, "keep": "yes"}, {"toy_name": "not a number", "keep": "not text"}),
    ({"toy_name": "a\ud800"}, {"toy_name": "control characters"}),
    ({"app_id": f"{UUID}\n"}, {"app_id": "must be a UUID"}),
    ({"wait": "soon"}, {"wait": "must be a duration"}),
    ({"command": []}, {"command": "list of arguments"}),
    ({"command": ["", "x"]}, {"command": "begin with a command"}),
    ({"price_cents": 10_001.0}, {"price_cents": "from 1 to 10000 (cents): got 10001"}),
    ({"price_cents": float("nan")}, {"price_cents": "whole number of cents"}),
    ({"price_cents": float("inf")}, {"price_cents": "whole number of cents"}),
    ({"price_cents": "2000"}, {"price_cents": "not text"}),
    ({"price_cents": True}, {"price_cents": "not True or False"}),
    ({"price_cents": 1.0, "limit_cents": 2.0**64}, {"limit_cents": "must be at most"}),
    ({"limit_cents": 1.0, "keep": 1.0}, {"limit_cents": "needs a price", "keep": "True or False"}),
    ({"limit_cents": 1.0, "price_cents": UNKNOWN}, {}),
    ({"triggers": [{"a": {1: 2}}]}, {"triggers": "a dict key of type int"}),
    ({"triggers": [2**53 + 1]}, {"triggers": "beyond 9007199254740991"}),
    ({"triggers": [float("inf")]}, {"triggers": "isn't finite"}),
    ({"triggers": "{x} {0}"}, {}),
]


@pytest.mark.parametrize(("inputs", "expected"), CASES)
def test_check_finds_every_problem_on_its_input(
    inputs: dict[str, Any], expected: dict[str, str]
) -> None:
    """All at once, also those between inputs, whatever else is wrong."""
    checked = check_inputs(ToyInputs, {**GIVEN, **inputs})

    problems = {problem.input: problem.reason for problem in checked.problems}
    assert problems.keys() == expected.keys()
    for name, words in expected.items():
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
    assert named_input(ToyInputs) == "toy_name"
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


def test_state_gives_secrets_as_text_only_to_those_who_ask() -> None:
    """Neither a repr nor an error has them."""
    state = ToyState.model_validate(
        {**GIVEN, "made_at": 5.0, "key": SecretStr("hush"), "older_keys": (SecretStr("hush"),)}
    )

    assert "hush" not in repr(state)
    assert plain(state) == {
        "app_id": UUID,
        "toy_name": "ball",
        "made_at": 5,
        "key": "hush",
        "older_keys": ["hush"],
        "triggers": None,
    }
    with pytest.raises(ValidationError) as failure:
        ToyState.model_validate({"made_at": "hush", "key": 5, "toy_name": ["hush"]})
    assert failure.value.error_count() == 4
    assert "hush" not in str(failure.value)


def test_declaration_makes_a_schema_with_descriptions() -> None:
    """In camelCase, for packages of other languages."""
    schema = ToyInputs.model_json_schema()

    assert schema["properties"]["appId"]["description"] == "Its app."
    assert schema["required"] == ["appId", "toyName"]
    assert schema["properties"]["command"]["items"] == {"type": "string"}
