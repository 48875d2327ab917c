"""Decide from a diff what to do with a resource: keep it, update it or replace it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from pulumi_embedded import paths
from pulumi_embedded.state import ResourceState
from pulumi_embedded.values import Properties, plain


class StepOp(Enum):
    """The step that a diff leads to, for a resource that exists."""

    SAME = "same"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class ProviderDiff:
    """A provider's answer. With `changes=None` the engine compares the inputs itself."""

    changes: bool | None
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False
    changed: tuple[str, ...] = ()  # paths of inputs; dynamic providers don't say which


@dataclass(frozen=True)
class Diff:
    """A complete diff between a resource and the program's inputs."""

    changes: bool
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


def ignoring(new: Properties, old: Properties, ignore_changes: Iterable[str]) -> Properties:
    """Return the new inputs, with the old values at the paths of `ignore_changes`."""
    for path in ignore_changes:
        new = paths.reset(new, old, paths.parse(path))
    return new


def complete(
    answer: ProviderDiff,
    *,
    old_inputs: Properties,
    new_inputs: Properties,
    ignore_changes: Iterable[str] = (),
    replace_on_changes: Sequence[str] = (),
) -> Diff:
    """Complete a provider's answer: compare the inputs if the provider didn't.

    `replace_on_changes` has an effect only where the engine compares, or where the provider says
    which inputs changed. Dynamic providers don't.
    """
    if answer.changes is False:
        return Diff(answer.changes, answer.replaces, answer.delete_before_replace)
    patterns = [paths.parse(text) for text in replace_on_changes]
    if answer.changes is None:
        inputs = ignoring(new_inputs, old_inputs, ignore_changes)
        changed = list(paths.changed(plain(old_inputs), plain(inputs)))
    else:
        changed = [paths.parse(text) for text in answer.changed]
    forced = tuple(
        str(path[0]) for path in changed if any(paths.covers(pattern, path) for pattern in patterns)
    )
    replaces = tuple(dict.fromkeys((*answer.replaces, *forced)))
    return Diff(answer.changes or bool(changed), replaces, answer.delete_before_replace)


def step_op(old: ResourceState, diff: Diff) -> StepOp:
    """Choose the step.

    A resource with a pending replacement is always replaced, and one whose last step failed is
    always updated.
    """
    if old.pending_replacement or (diff.changes and diff.replaces):
        return StepOp.REPLACE
    return StepOp.UPDATE if diff.changes or old.init_errors else StepOp.SAME


def deletes_first(diff: Diff, option: bool | None) -> bool:
    """Say whether a replacement deletes first. The program's option overrides the provider's."""
    return diff.delete_before_replace if option is None else option
