"""Decides when a key is rotated and when retired keys are revoked. Pure functions.

The current key is rotated by age or by `triggers`. It is a retired key then, and keeps working for
the overlap, counted from the creation of the new key. After that it is revoked. There can be
several retired keys: a key may be rotated again within the overlap, or a revocation may fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import AliasChoices, Field

from parallel_provider.lifecycle.declarations import Declared
from parallel_provider.lifecycle.durations import format_duration
from parallel_provider.model import Integer
from parallel_provider.printable import field_name

Cause = Literal["age", "triggers"]


class RetiredKey(Declared):
    """A key that isn't current any more, and not revoked yet."""

    api_key_id: str = Field(description="The key's id.")
    api_key_name: str = Field(description="The key's name in the Parallel console.")
    # States of Python programs call it `replaced_at`.
    retired_at: Integer = Field(
        validation_alias=AliasChoices("replaced_at", "retiredAt"),
        serialization_alias="replaced_at",
        description="When the next key was created, in epoch seconds.",
    )


@dataclass(frozen=True)
class Plan:
    """What a run has to do with the keys of one resource."""

    rotate_because: Cause | None = None
    revoke: tuple[RetiredKey, ...] = ()


def plan(
    *,
    created_at: int,
    retired: Sequence[RetiredKey],
    rotate_after: int | None,
    overlap: int | None,
    triggers_changed: bool,
    now: float | None,
) -> Plan:
    """Return what is due at `now` (epoch seconds).

    `created_at` is the current key's. Durations are in seconds. None stands for a time or a
    duration that isn't known: nothing is due because of it. Without an overlap, retired keys are
    due whatever the time is.
    """
    cause: Cause | None = None
    if triggers_changed:
        cause = "triggers"
    elif now is not None and rotate_after is not None and now >= created_at + rotate_after:
        cause = "age"
    if overlap == 0:
        return Plan(cause, tuple(retired))
    if now is None or overlap is None:
        return Plan(cause)
    return Plan(cause, tuple(key for key in retired if now >= key.retired_at + overlap))


def certain_time(here: float, at_server: float | None) -> float | None:
    """Return the time that has come by both clocks: this machine's and the server's.

    None if the server's time isn't known. One wrong clock alone makes nothing due.
    """
    return None if at_server is None else min(here, at_server)


def sentences(
    plan: Plan, *, current_name: str, age: float, rotate_after: str, at_once: bool
) -> Iterator[str]:
    """Yield what is due and why. Pulumi shows no reason for an update in place.

    `age` is the current key's, in seconds. `rotate_after` is the program's value, with what else
    is to be said of it. `at_once`: the current key is revoked in the run that rotates it.
    """
    if plan.rotate_because is not None:
        limit = field_name("rotate_after")
        reason = {
            "age": f"it is {format_duration(age)} old, and {limit} is {rotate_after}",
            "triggers": "its triggers have changed",
        }[plan.rotate_because]
        ending = "; with an overlap of 0s, it is revoked in the same run" if at_once else ""
        yield f"{current_name!r} is due to be rotated: {reason}{ending}."
    if plan.revoke:
        names = ", ".join(repr(key.api_key_name) for key in plan.revoke)
        ending = "" if plan.rotate_because else f"; the current key {current_name!r} stays"
        yield f"The overlap of {names} has passed: due to be revoked{ending}."


def generation_name(api_key_name: str, generation: int) -> str:
    """Return the name of a generation's key in the console: "svc", then "svc-2", "svc-3"."""
    return api_key_name if generation == 1 else f"{api_key_name}-{generation}"
