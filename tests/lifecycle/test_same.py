"""When values are the same, and what they are written as."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parallel_provider.lifecycle.declare import UNKNOWN, canonical_json, same

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
