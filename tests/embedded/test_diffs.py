"""Decisions that follow from a diff."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_embedded import diffs
from pulumi_embedded.diffs import Diff, ProviderDiff, StepOp
from pulumi_embedded.state import ResourceState
from pulumi_embedded.values import UNKNOWN, Secret


@pytest.mark.parametrize(
    ("diff", "pending", "op"),
    [
        (Diff(changes=False), False, StepOp.SAME),
        (Diff(changes=True), False, StepOp.UPDATE),
        (Diff(changes=True, replaces=("a",)), False, StepOp.REPLACE),
        # If a provider says that nothing changes, the inputs that it names are ignored.
        (Diff(changes=False, replaces=("a",)), False, StepOp.SAME),
        (Diff(changes=False), True, StepOp.REPLACE),
    ],
)
def test_step_follows_the_diff(diff: Diff, pending: bool, op: StepOp) -> None:
    """A resource with a pending replacement is replaced, whatever the diff says."""
    old = ResourceState("urn", "t", custom=True, pending_replacement=pending)
    assert diffs.step_op(old, diff) is op


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ProviderDiff(changes=False), Diff(changes=False)),
        (ProviderDiff(changes=True, replaces=("b",)), Diff(changes=True, replaces=("b",))),
        (ProviderDiff(changes=None), Diff(changes=True, replaces=("a",))),
    ],
)
def test_replace_on_changes_works_where_the_engine_compares(
    answer: ProviderDiff, expected: Diff
) -> None:
    """A dynamic provider that compares by itself doesn't name the inputs that changed."""
    diff = diffs.complete(
        answer, old_inputs={"a": 1}, new_inputs={"a": 2}, replace_on_changes=["a"]
    )
    assert diff == expected


def test_engine_compares_without_secrets_and_what_is_ignored() -> None:
    """A secret mark or an ignored value is no change. An unknown value is one."""

    def changes(old: dict[str, Any], new: dict[str, Any]) -> bool:
        answer = ProviderDiff(changes=None)
        return diffs.complete(
            answer, old_inputs=old, new_inputs=new, ignore_changes=["ignored"]
        ).changes

    assert not changes({"a": Secret(1)}, {"a": 1})
    assert not changes({"ignored": 1}, {"ignored": 2})
    assert changes({"a": 1}, {"a": UNKNOWN})


@pytest.mark.parametrize(
    ("provider", "option", "first"),
    [(True, None, True), (True, False, False), (False, True, True), (False, None, False)],
)
def test_programs_delete_before_replace_overrides_the_providers(
    provider: bool,
    option: bool | None,
    first: bool,
) -> None:
    """The provider decides if the program doesn't set the option."""
    diff = Diff(changes=True, delete_before_replace=provider)
    assert diffs.deletes_first(diff, option) is first


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        (None, None, False),
        (None, 1, False),
        (1, None, False),
        (1, 1, False),
        (1, 2, True),
        (0, False, True),
        ({"a": [1]}, {"a": [1]}, False),
        ({"a": [1]}, {"a": [2]}, True),
        (Secret(1), 1, False),
        (Secret(None), Secret(1), False),
        ({"a": Secret(None)}, {"a": Secret(1)}, True),
        (1, UNKNOWN, True),
        (None, {"a": UNKNOWN}, True),
    ],
)
def test_changed_trigger_replaces(old: object, new: object, replaces: bool) -> None:
    """A first and a removed trigger replace nothing. An unknown one always replaces."""
    assert diffs.triggers(old, new) is replaces
