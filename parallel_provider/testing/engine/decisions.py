"""What is to become of a resource: plain functions of what was and what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from parallel_provider.testing.engine import paths
from parallel_provider.testing.engine.state import ResourceState
from parallel_provider.testing.engine.values import Properties, Secret, Value, plain

_LEAST_POWER: Final = -4
_POWERS_FROM: Final = 6


class Fate(Enum):
    """What is to become of a resource that is already there."""

    SAME = "same"
    UPDATE = "update"
    REPLACE = "replace"


@dataclass(frozen=True)
class ProviderDiff:
    """A provider's answer; `changes` is None where it leaves the comparison to the engine."""

    changes: bool | None
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True)
class Diff:
    """What differs between a resource and what the program says."""

    changes: bool
    replaces: tuple[str, ...] = ()
    delete_before_replace: bool = False


def ignoring(new: Properties, old: Properties, ignore_changes: Iterable[str]) -> Properties:
    """Return the new inputs with the old values of what the program ignores."""
    for path in ignore_changes:
        new = paths.reset(new, old, paths.parse(path))
    return new


def judged(
    answer: ProviderDiff,
    *,
    old_inputs: Properties,
    new_inputs: Properties,
    ignore_changes: Iterable[str] = (),
    replace_on_changes: Sequence[str] = (),
) -> Diff:
    """Complete a provider's answer: compare where it didn't, replace where the program says so.

    `replace_on_changes` can only speak of changes that the engine itself found, since a dynamic
    provider names none.
    """
    if answer.changes is not None:
        return Diff(answer.changes, answer.replaces, answer.delete_before_replace)
    wanted = ignoring(new_inputs, old_inputs, ignore_changes)
    changed = list(paths.changed(plain(old_inputs), plain(wanted)))
    patterns = [paths.parse(text) for text in replace_on_changes]
    forced = tuple(
        str(path[0]) for path in changed if any(paths.covers(pattern, path) for pattern in patterns)
    )
    replaces = tuple(dict.fromkeys((*answer.replaces, *forced)))
    return Diff(bool(changed), replaces, answer.delete_before_replace)


def fate(old: ResourceState, diff: Diff) -> Fate:
    """Decide about a resource; what was deleted to be made anew has to be made anew."""
    if old.pending_replacement or (diff.changes and diff.replaces):
        return Fate.REPLACE
    return Fate.UPDATE if diff.changes else Fate.SAME


def deletes_first(diff: Diff, option: bool | None) -> bool:
    """Decide the order of a replacement: the program's word counts more than the provider's."""
    return diff.delete_before_replace if option is None else option


def marked_outputs(
    outputs: Properties, inputs: Mapping[str, Value], additional: Iterable[str]
) -> Properties:
    """Mark as secret what the program says is, and what has the name of a secret input."""
    named = {key for key in additional if key != "id"}
    named |= {key for key, value in inputs.items() if isinstance(value, Secret)}
    return {
        key: Secret(value) if key in named and not isinstance(value, Secret) else value
        for key, value in outputs.items()
    }


def check_failure(type_: str, name: str, inputs: Properties, property_: str, reason: str) -> str:
    """Say why a provider's check refused a resource, in the words of the command line."""
    where = f"{type_} resource '{name}'"
    if not property_:
        return f"{where} has a problem: {reason}"
    value = _braced(inputs.get(property_))
    return f"{where}: property {property_} value {value} has a problem: {reason}"


def _braced(value: Value) -> str:
    """Write a value as the command line does in that one place."""
    match value:
        case None:
            text = "<nil>"
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = _number(value)
        case list():
            text = f"[{' '.join(map(_braced, value))}]"
        case dict():
            items = " ".join(f"{key}:{_braced(item)}" for key, item in sorted(value.items()))
            text = f"map[{items}]"
        case Secret():
            # Shown in clear: a test has to find what the command line gives away.
            text = f"&{{{_braced(value.value)}}}"
        case str():
            text = value
        case _:
            return "output<string>{}"
    return f"{{{text}}}"


def _number(value: float) -> str:
    """Write a number as the command line does: a power of ten from a million on."""
    number = Decimal(repr(float(value))).normalize()
    if not number or _LEAST_POWER <= number.adjusted() < _POWERS_FROM:
        return f"{number:f}"
    return f"{value:.{len(number.as_tuple().digits) - 1}e}"
