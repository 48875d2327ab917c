"""The names that programs send among the inputs: the resource's own, and secret ones."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.output import UNKNOWN

from parallel_provider.calls import Process
from parallel_provider.dynamic._adapter import DOOR, Adapter
from parallel_provider.lifecycle import lifecycle_of
from tests.lifecycle.runs import run_at

APP_ID = "0b0c3ce4-5a3c-4c1c-9f0a-4a4d4f0e6d11"
NAME, DEFAULT = "api_key_name", "default_api_key_name"


def checked(olds: dict[str, Any], news: dict[str, Any]) -> dict[str, Any]:
    """Return the checked inputs of a key."""
    adapter = Adapter(lifecycle_of("ApiKey"), lambda: Process(DOOR, run=run_at()))
    return dict(adapter.check(olds, {"app_id": APP_ID, **news}).inputs)


@pytest.mark.parametrize(
    ("olds", "news", "name"),
    [
        pytest.param({}, {DEFAULT: "ci"}, "ci", id="the resource's name at first"),
        pytest.param({}, {DEFAULT: "ci", NAME: None}, "ci", id="None isn't a name"),
        pytest.param({}, {NAME: "given"}, "given", id="a name that is given counts"),
        pytest.param({}, {}, None, id="no default, no name"),
        pytest.param({NAME: "ci"}, {DEFAULT: "new"}, "ci", id="renamed by alias"),
        pytest.param({NAME: "given"}, {DEFAULT: "ci"}, "given", id="no longer given"),
        pytest.param({NAME: "ci"}, {NAME: "given"}, "given", id="given from now on"),
        pytest.param({NAME: "ci"}, {NAME: UNKNOWN}, UNKNOWN, id="not yet known"),
        pytest.param(
            {NAME: "s3cret", "resource_name": "ci"},
            {DEFAULT: "ci"},
            "ci",
            id="a secret name that is no longer given",
        ),
    ],
)
def test_name_stays_until_the_program_gives_another_one(
    olds: dict[str, Any], news: dict[str, Any], name: object
) -> None:
    """A rename by `aliases`, or a name taken out of the program, replaces nothing that lives."""
    assert checked(olds, news).get(NAME) == name


def test_name_survives_a_second_rename() -> None:
    """The checked inputs of one run are the old inputs of the next run."""
    inputs: dict[str, Any] = {}
    for resource_name in ("first", "second", "third"):
        inputs = checked(inputs, {DEFAULT: resource_name})

    assert (inputs[NAME], DEFAULT in inputs) == ("first", False)


def test_names_of_the_program_stay_in_the_checked_inputs() -> None:
    """Later calls get the checked inputs alone, and need the names."""
    names = {
        "organization": "acme",
        "project": "shop",
        "stack": "prod",
        "resource_name": "credit",
        "parent_types": "my:Shop",
    }
    adapter = Adapter(lifecycle_of("BalanceTopUp"), lambda: Process(DOOR, run=run_at()))

    inputs = adapter.check({"amount_cents": 5.0}, {"amount_cents": 5.0, **names}).inputs

    assert inputs == {"amount_cents": 5, **names}
