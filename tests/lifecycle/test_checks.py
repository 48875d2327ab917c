"""What each resource's check refuses, on which input, and what it fills in."""

from __future__ import annotations

from typing import Any

import pytest

from parallel_provider.lifecycle.app import AppLifecycle
from parallel_provider.lifecycle.balance_top_up import BalanceTopUpLifecycle
from parallel_provider.lifecycle.declare import UNKNOWN
from parallel_provider.lifecycle.keys import ApiKeyLifecycle
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import Context
from parallel_provider.printable import line_for_user
from tests.lifecycle.runs import run_at

UUID = "0b0c3ce4-5a3c-4c1c-9f0a-4a4d4f0e6d11"
Problems = dict[str, str]

APP: list[tuple[dict[str, Any], Problems]] = [
    ({"app_name": "search"}, {}),
    ({"app_name": " Büro 検索 🔎 "}, {}),
    ({"app_name": "x" * 1000}, {}),
    ({"app_name": UNKNOWN, "adopt_existing": UNKNOWN, "existing_app_id": UNKNOWN}, {}),
    ({"app_name": "a", "adopt_existing": True, "existing_app_id": UUID}, {}),
    ({}, {"app_name": "is required"}),
    ({"app_name": ""}, {"app_name": "must not be empty or blank"}),
    ({"app_name": " \t "}, {"app_name": "must not be empty or blank"}),
    ({"app_name": "\u200b\u202e"}, {"app_name": "must not be empty or blank"}),
    ({"app_name": "a\nb"}, {"app_name": "must not contain control characters"}),
    ({"app_name": "ab\n"}, {"app_name": "must not contain control characters"}),
    ({"app_name": "a\u2028b"}, {"app_name": "must not contain control characters"}),
    ({"app_name": "a\x00"}, {"app_name": "must not contain control characters"}),
    ({"app_name": "\ud800"}, {"app_name": "must not contain control characters"}),
    ({"app_name": 5.0}, {"app_name": "must be text, not a number"}),
    ({"app_name": True}, {"app_name": "must be text, not True or False"}),
    ({"app_name": ["a"]}, {"app_name": "must be text, not a list"}),
    ({"app_name": {}}, {"app_name": "must be text, not a dict"}),
    (
        {"app_name": "a", "adopt_existing": "yes", "existing_app_id": "search"},
        {"adopt_existing": "must be True or False, not text", "existing_app_id": "must be a UUID"},
    ),
    ({"app_name": "a", "existing_app_id": f" {UUID}"}, {"existing_app_id": "must be a UUID"}),
    ({"app_name": "a", "existing_app_id": UUID + "\n"}, {"existing_app_id": "must be a UUID"}),
]
API_KEY: list[tuple[dict[str, Any], Problems]] = [
    ({"app_id": UUID, "api_key_name": "ci", "triggers": {"a": [1, None, UNKNOWN]}}, {}),
    ({"app_id": UNKNOWN, "api_key_name": UNKNOWN, "triggers": UNKNOWN}, {}),
    ({"app_id": UUID, "api_key_name": "ci", "triggers": None}, {}),
    ({}, {"app_id": "is required", "api_key_name": "is required"}),
    (
        {"app_id": "search", "api_key_name": "ci"},
        {"app_id": "such as the app_id of a parallel App"},
    ),
    ({"app_id": UUID.replace("-", ""), "api_key_name": "ci"}, {"app_id": "must be a UUID"}),
    ({"app_id": 7.0, "api_key_name": ""}, {"app_id": "must be a UUID", "api_key_name": "empty"}),
    (
        {"app_id": UUID, "api_key_name": "ci", "triggers": {"a": [object()]}},
        {"triggers": "make it of text, numbers, booleans, lists and dicts"},
    ),
]
ANY_AMOUNT = "whole number of cents"
NOT_ALLOWED = "switched off"
BALANCE_TOP_UP: list[tuple[dict[str, Any], Problems]] = [
    # Without the setting, and before anybody is asked, a right amount has one problem.
    ({"amount_cents": 1.0}, {"amount_cents": NOT_ALLOWED}),
    ({"amount_cents": 10_000.0}, {"amount_cents": NOT_ALLOWED}),
    ({}, {"amount_cents": "is required"}),
    ({"amount_cents": 0.0}, {"amount_cents": "must be from 1 to 10000 (cents): got 0"}),
    ({"amount_cents": -5.0}, {"amount_cents": "got -5"}),
    ({"amount_cents": 10_001.0}, {"amount_cents": "must be from 1 to 10000 (cents): got 10001"}),
    ({"amount_cents": 0.5}, {"amount_cents": ANY_AMOUNT}),
    ({"amount_cents": float("nan")}, {"amount_cents": ANY_AMOUNT}),
    ({"amount_cents": float("inf")}, {"amount_cents": ANY_AMOUNT}),
    ({"amount_cents": "2000"}, {"amount_cents": f"{ANY_AMOUNT}, not text"}),
    ({"amount_cents": True}, {"amount_cents": f"{ANY_AMOUNT}, not True or False"}),
    (
        {"amount_cents": 0.0, "when_below_cents": 500.0},
        {"amount_cents": "from 1", "monthly_limit_cents": "required together"},
    ),
    (
        {"amount_cents": 0.0, "monthly_limit_cents": 500.0},
        {"amount_cents": "from 1", "monthly_limit_cents": "only for use together"},
    ),
    (
        {"amount_cents": 200.0, "when_below_cents": 0.0, "monthly_limit_cents": 100.0},
        {
            "when_below_cents": "at least 1",
            "monthly_limit_cents": "less than one charge of 200 cents",
            "amount_cents": NOT_ALLOWED,
        },
    ),
    (
        {"amount_cents": 0.0, "when_below_cents": 2.0**64, "monthly_limit_cents": 2.0**53},
        {
            "amount_cents": "from 1",
            "when_below_cents": "must be at most 9007199254740991",
            "monthly_limit_cents": "must be at most 9007199254740991",
        },
    ),
    (
        {"amount_cents": 0.0, "triggers": {"a": [2.0**53]}},
        {"amount_cents": "from 1", "triggers": "write it as text"},
    ),
    (
        {"amount_cents": 0.0, "triggers": [float("nan")]},
        {"amount_cents": "from 1", "triggers": "isn't finite"},
    ),
    ({"amount_cents": 0.0, "triggers": [2.0**53 - 1, -0.5]}, {"amount_cents": "from 1"}),
    (
        {"amount_cents": 0.0, "triggers": {"a": object()}},
        {"amount_cents": "from 1", "triggers": "make it of text"},
    ),
]


@pytest.mark.parametrize(
    ("lifecycle", "inputs", "expected"),
    [
        (lifecycle, inputs, expected)
        for lifecycle, cases in (
            (AppLifecycle(), APP),
            (ApiKeyLifecycle(), API_KEY),
            (BalanceTopUpLifecycle(), BALANCE_TOP_UP),
        )
        for inputs, expected in cases
    ],
)
def test_check_finds_each_problem_on_its_input(
    lifecycle: Lifecycle[Any, Any], inputs: dict[str, Any], expected: Problems
) -> None:
    """All problems are told at once, each on the input that has it."""
    checked = lifecycle.check(Context(run_at()), {}, inputs)

    problems = {problem.input: line_for_user(problem.text) for problem in checked.problems}
    assert problems.keys() == expected.keys()
    assert len(problems) == len(checked.problems)
    for name, words in expected.items():
        assert words in problems[name]


def test_uuid_in_capitals_becomes_what_the_server_says() -> None:
    """Ids are compared letter by letter later on."""
    inputs = {"app_id": UUID.upper(), "api_key_name": "ci"}

    checked = ApiKeyLifecycle().check(Context(run_at()), {}, inputs)

    assert checked.inputs["app_id"] == UUID
