"""Triggers in the program: anything that Pulumi can send, and an error for anything else."""

from __future__ import annotations

import datetime
import decimal
import enum
from typing import Any

import pulumi
import pytest

from parallel_provider.resources._resource import refuse_unsendable


class Color(str, enum.Enum):
    """An enumeration of strings."""

    RED = "red"


@pytest.mark.parametrize(
    "triggers",
    [
        None,
        "text",
        0,
        1.5,
        True,
        Color.RED,
        [],
        ("a", [None, {"b": {}}]),
        {"a": [1, {"b": None}]},
        pulumi.Output.from_input("later"),
        {"a": [pulumi.Output.secret("hush-hush")]},
    ],
)
def test_triggers_that_can_be_sent_are_passed_on(triggers: Any) -> None:  # noqa: ANN401
    """Also with unknown values inside."""
    refuse_unsendable("ApiKey", "ci", {"triggers": triggers})


@pytest.mark.parametrize(
    ("triggers", "names"),
    [
        (datetime.date(2026, 11, 23), "a value of type date"),
        ({"a": [decimal.Decimal(1)]}, "a value of type Decimal"),
        ({1, 2}, "a value of type set"),
        (["a", b"hush-hush"], "a value of type bytes"),
        (bytearray(b"hush-hush"), "a value of type bytearray"),
        ({"a": {1: 2}}, "a dict key of type int"),
        (object(), "a value of type object"),
        (len, "a value of type builtin_function_or_method"),
    ],
)
def test_triggers_that_cannot_be_sent_are_named_by_type(
    triggers: Any,  # noqa: ANN401
    names: str,
) -> None:
    """The error has the resource, the type and what to do, but never the value."""
    with pytest.raises(pulumi.RunError) as failure:
        refuse_unsendable("ApiKey", "ci", {"triggers": triggers})

    assert str(failure.value).startswith(f"ApiKey 'ci': triggers holds {names}: make it of text")
    assert "hush" not in str(failure.value)
