"""Models: what they read, what they refuse, and what their errors keep to themselves."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from parallel_provider.api import models
from parallel_provider.model import (
    Integer,
    Model,
    Number,
    Secret,
    Text,
    why,
)
from parallel_provider.printable import masked

HUSH = "hush-hush"


class Inner(Model):
    """A part."""

    secret: Secret


class Outer(Model):
    """A whole."""

    name: Text
    count: Integer = 0
    amount: Number = 0.0
    secret: Secret | None = None
    inner: list[Inner] = []  # noqa: RUF012 - pydantic copies it


WHOLE = {"name": "n", "count": 2, "amount": 0.5, "secret": HUSH, "inner": [{"secret": HUSH}]}


@pytest.mark.parametrize(("count", "amount"), [(2, 1), (2.0, 1.0), (2e0, 1)])
def test_number_is_read_however_it_is_written(count: object, amount: object) -> None:
    """Pulumi sends all numbers as floats, and JSON has one kind of number."""
    read = Outer.model_validate({"name": "n", "count": count, "amount": amount, "new": "ignored"})

    assert (read.count, type(read.count)) == (2, int)
    assert (read.amount, type(read.amount)) == (1.0, float)


@pytest.mark.parametrize("value", [True, "2", 1.5, float("nan"), float("inf"), 2**53 + 1, 10**400])
def test_integer_that_json_cannot_hold_is_refused(value: object) -> None:
    """Every odd value is a ValidationError, and no error of another kind."""
    with pytest.raises(ValidationError):
        Outer.model_validate({"name": "n", "count": value})


@pytest.mark.parametrize("value", [True, "2", float("nan"), float("inf"), 10**400])
def test_number_that_is_not_finite_is_refused(value: object) -> None:
    """It can't be compared with anything."""
    with pytest.raises(ValidationError):
        Outer.model_validate({"name": "n", "amount": value})


def test_secret_does_not_show() -> None:
    """Neither in the model's text nor in its dumps."""
    whole = Outer.model_validate(WHOLE)

    for shown in (repr(whole), str(whole), repr(whole.model_dump()), whole.model_dump_json()):
        assert HUSH not in shown


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"name": [HUSH]}, "name: Input should be a valid string"),
        ({"name": "\ud800"}, "name: holds characters that aren't valid Unicode"),
        ({"count": HUSH}, "count: Input should be a valid integer"),
        ({"secret": [HUSH]}, "secret: Input should be a valid string"),
        ({"secret": ""}, "secret: is empty"),
        ({"secret": f"{HUSH}\ud800"}, "secret: holds characters that aren't valid Unicode"),
        ({"inner": [{"secret": 7}, {}]}, "inner.0.secret: Input should be a valid string; "),
        ({"inner": [{"secret": 7}, {}]}, "inner.1.secret: Field required"),
        ({"inner": HUSH}, "inner: Input should be a valid list"),
        ({"inner": [HUSH]}, "inner.0: Input should be an object"),
    ],
)
def test_error_names_every_wrong_field_and_no_value(changes: dict[str, Any], problems: str) -> None:
    """A value in the wrong place may be a secret."""
    with pytest.raises(ValidationError) as error:
        Outer.model_validate({**WHOLE, **changes})

    assert problems in why(error.value)
    assert HUSH not in why(error.value) + str(error.value) + repr(error.value)


@pytest.mark.parametrize(
    "model", [kind for kind in vars(models).values() if isinstance(kind, type)], ids=str
)
def test_model_is_built_when_it_is_imported(model: type) -> None:
    """Two threads that build a model at the same time would break it, before pydantic 2.14."""
    assert not issubclass(model, Model) or model.__pydantic_complete__


def test_secret_of_a_model_is_hidden_from_every_text() -> None:
    """Also if the rest of the model can't be used."""
    with pytest.raises(ValidationError):
        Outer.model_validate({"secret": "quiet-as-a-mouse", "count": "no number"})

    assert masked("it was quiet-as-a-mouse") == "it was ********"
