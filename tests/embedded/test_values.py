"""Values on the wire, in the engine and in the state."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_embedded import values
from pulumi_embedded.errors import Refused
from pulumi_embedded.values import UNKNOWN, Secret

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()
VALUES = st.recursive(
    SCALARS | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
        | inner.map(lambda value: value if isinstance(value, Secret) else Secret(value))
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_wire_round_trip_keeps_values_and_secrets(properties: dict[str, Any]) -> None:
    """Values sent with marked secrets are read unchanged."""
    assert values.from_wire(values.to_wire(properties, secrets=True)) == properties


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_wire_without_secrets_is_plain(properties: dict[str, Any]) -> None:
    """A provider that doesn't support secrets gets plain values."""
    assert values.from_wire(values.to_wire(properties, secrets=False)) == values.plain(properties)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_state_round_trip_keeps_values_and_secrets(properties: dict[str, Any]) -> None:
    """Values exported with shown secrets are imported unchanged."""
    assert values.from_state(values.to_state(properties, show_secrets=True)) == properties


def test_whole_numbers_are_integers() -> None:
    """Numbers are floats on the wire. Whole numbers are read as integers."""
    wire = values.to_wire({"whole": 1, "half": 0.5, "truth": True}, secrets=False)
    assert [repr(value) for value in values.from_wire(wire).values()].count("1") == 1
    assert values.from_wire(wire) == {"whole": 1, "half": 0.5, "truth": True}


def test_secrets_are_not_in_a_repr_or_a_masked_value() -> None:
    """A repr, printed text and an export without secrets contain no secret."""
    assert "hush" not in repr(Secret("hush"))
    assert values.masked({"a": [Secret("hush"), UNKNOWN, 1]}) == {"a": ["[secret]", "[unknown]", 1]}
    assert "hush" not in str(values.to_state({"a": Secret("hush")}, show_secrets=False))


@pytest.mark.parametrize(
    ("given_back", "origin", "marked"),
    [
        ({"a": 1, "b": 2}, {"a": Secret(0)}, {"a": Secret(1), "b": 2}),
        ({"a": [1]}, {"a": [Secret(0)]}, {"a": Secret([1])}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": Secret(0)}}, {"a": {"x": Secret(1), "y": 2}}),
        ({"a": 1}, {"a": {"x": Secret(0)}}, {"a": Secret(1)}),
        ({}, {"a": Secret(0)}, {}),
    ],
)
def test_value_with_the_name_of_a_secret_is_marked(
    given_back: dict[str, Any], origin: dict[str, Any], marked: dict[str, Any]
) -> None:
    """Objects are compared key by key, other values as a whole."""
    assert values.marked_like(given_back, origin) == marked


def test_assets_are_refused_by_name() -> None:
    """An asset isn't taken for a plain object."""
    asset = {values.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "x"}
    with pytest.raises(Refused, match="assets"):
        values.from_wire(values.to_wire({"a": asset}, secrets=True))
