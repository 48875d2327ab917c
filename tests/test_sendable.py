"""Which values the engine takes as they are."""

from __future__ import annotations

import pytest
from pulumi.runtime import rpc

from parallel_provider.errors import LifecycleError
from parallel_provider.sendable import SIGNATURE, UNKNOWN_MARKER, misfit, require_sendable


def test_marks_are_those_of_the_sdk() -> None:
    """The package keeps its own copy, since most of it knows no Pulumi."""
    assert UNKNOWN_MARKER == rpc.UNKNOWN
    assert rpc._special_sig_key == SIGNATURE


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (rpc.UNKNOWN, "mark of its own"),
        ("1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", "mark of its own"),
        ([{"a": [rpc.UNKNOWN]}], "mark of its own"),
        ({rpc._special_sig_key: rpc._special_secret_sig, "value": "x"}, "mark of its own"),
        ({rpc._special_sig_key: rpc._special_asset_sig, "text": "x"}, "mark of its own"),
        ("a <{%red%}> name", "begins a colour"),
        ({"<{%": 1}, "begins a colour"),
        ("\ud800", "valid Unicode"),
        (float("inf"), "isn't finite"),
        (2**53, "write it as text"),
        (2.0**53, "write it as text"),
        (f"the id {rpc.UNKNOWN}", None),
        ("<{ %red%}>", None),
        (2**53 - 1, None),
        ({"a": [True, None, 1.5, "ä"]}, None),
    ],
)
def test_value_with_a_meaning_for_the_engine_is_refused(value: object, says: str | None) -> None:
    """A mark counts as a whole text only; the reason never has the value."""
    found = misfit(value)

    assert (found is None) == (says is None)
    if says is None:
        require_sendable({"name": value})
        return
    assert found is not None
    assert says in found
    with pytest.raises(LifecycleError, match=r"holds .* can't be handed to Pulumi"):
        require_sendable({"name": value})
