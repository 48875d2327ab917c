"""What is to become of a resource."""

from __future__ import annotations

from typing import Any

import pytest

from parallel_provider.testing.engine import decisions
from parallel_provider.testing.engine.decisions import Diff, Fate, ProviderDiff
from parallel_provider.testing.engine.state import ResourceState
from parallel_provider.testing.engine.values import UNKNOWN, Secret


@pytest.mark.parametrize(
    ("diff", "pending", "fate"),
    [
        (Diff(changes=False), False, Fate.SAME),
        (Diff(changes=True), False, Fate.UPDATE),
        (Diff(changes=True, replaces=("a",)), False, Fate.REPLACE),
        # A provider that names what replaces, and says that nothing changes, means the latter.
        (Diff(changes=False, replaces=("a",)), False, Fate.SAME),
        (Diff(changes=False), True, Fate.REPLACE),
    ],
)
def test_fate_follows_the_diff(diff: Diff, pending: bool, fate: Fate) -> None:
    """What was deleted to be made anew is replaced, whatever the diff says."""
    old = ResourceState("urn", "t", custom=True, pending_replacement=pending)
    assert decisions.fate(old, diff) is fate


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ProviderDiff(changes=False), Diff(changes=False)),
        (ProviderDiff(changes=True, replaces=("b",)), Diff(changes=True, replaces=("b",))),
        (ProviderDiff(changes=None), Diff(changes=True, replaces=("a",))),
    ],
)
def test_replace_on_changes_counts_where_the_engine_compares(
    answer: ProviderDiff, expected: Diff
) -> None:
    """A provider that has compared by itself names no changes that could be meant."""
    diff = decisions.judged(
        answer, old_inputs={"a": 1}, new_inputs={"a": 2}, replace_on_changes=["a"]
    )
    assert diff == expected


def test_engine_compares_without_secrets_and_what_is_ignored() -> None:
    """Neither the mark of a secret nor an ignored value is a change; an unknown is one."""

    def changes(old: dict[str, Any], new: dict[str, Any]) -> bool:
        answer = ProviderDiff(changes=None)
        return decisions.judged(
            answer, old_inputs=old, new_inputs=new, ignore_changes=["ignored"]
        ).changes

    assert not changes({"a": Secret(1)}, {"a": 1})
    assert not changes({"ignored": 1}, {"ignored": 2})
    assert changes({"a": 1}, {"a": UNKNOWN})


@pytest.mark.parametrize(
    ("provider", "option", "first"),
    [(True, None, True), (True, False, False), (False, True, True), (False, None, False)],
)
def test_programs_word_on_the_order_counts_more(
    provider: bool,
    option: bool | None,
    first: bool,
) -> None:
    """The provider decides where the program says nothing."""
    diff = Diff(changes=True, delete_before_replace=provider)
    assert decisions.deletes_first(diff, option) is first


def test_outputs_named_like_secrets_are_secrets() -> None:
    """An output is a secret by the program's word, or by the input of that name; an id never."""
    marked = decisions.marked_outputs(
        {"a": 1, "b": 2, "c": 3, "id": 4}, {"b": Secret(0)}, ["a", "id", "missing"]
    )
    assert marked == {"a": Secret(1), "b": Secret(2), "c": 3, "id": 4}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "{x}"),
        (1, "{1}"),
        (True, "{true}"),
        (None, "{<nil>}"),
        ([1, "a"], "{[{1} {a}]}"),
        ({"k": 1}, "{map[k:{1}]}"),
        (Secret("hush"), "{&{{hush}}}"),
        ([Secret({"k": 3})], "{[{&{{map[k:{3}]}}}]}"),
        (Secret(UNKNOWN), "{&{output<string>{}}}"),
        (100000, "{100000}"),
        (1500000, "{1.5e+06}"),
        (-1e21, "{-1e+21}"),
        (0.25, "{0.25}"),
        (0.00001, "{1e-05}"),
        (0, "{0}"),
    ],
)
def test_check_failure_shows_the_value_as_the_command_line_does(value: object, shown: str) -> None:
    """Secrets in clear too: else no test would find that a provider gives one away."""
    text = decisions.check_failure("t", "a", {"p": value}, "p", "REASON")
    assert text == f"t resource 'a': property p value {shown} has a problem: REASON"


def test_check_failure_without_a_property_is_the_resources() -> None:
    """A failure may be about no property."""
    assert decisions.check_failure("t", "a", {}, "", "R") == "t resource 'a' has a problem: R"
