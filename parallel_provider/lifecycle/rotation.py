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
    now: float,
) -> Plan:
    """Return what is due at `now` (epoch seconds).

    `created_at` is the current key's. Durations are in seconds. None stands for a duration that a
    preview doesn't know yet: nothing is due because of it.
    """
    cause: Cause | None = None
    if triggers_changed:
        cause = "triggers"
    elif rotate_after is not None and now >= created_at + rotate_after:
        cause = "age"
    return Plan(cause, due_to_revoke(retired, overlap, now))


def due_to_revoke(
    retired: Sequence[RetiredKey], overlap: int | None, now: float
) -> tuple[RetiredKey, ...]:
    """Return the retired keys whose overlap has passed at `now`."""
    if overlap is None:
        return ()
    return tuple(key for key in retired if now >= key.retired_at + overlap)


def sentences(
    plan: Plan, *, current_name: str, age: float, rotate_after: str, at_once: bool
) -> Iterator[str]:
    """Yield what is due and why. Pulumi shows no reason for an update in place.

    `age` is the current key's, in seconds. `at_once`: it is revoked in the run that rotates it.
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


def clock_sentence(current_name: str, here: Plan, at_server: Plan, ahead: float) -> str | None:
    """Return a message if other things are due by the server's time than by this machine's clock.

    `here` and `at_server` are the two plans. This machine's clock is `ahead` seconds ahead.
    """
    if here == at_server:
        return None
    direction = "ahead of" if ahead > 0 else "behind"
    difference = format_duration(max(1, round(abs(ahead))))
    consequence = (
        "what isn't due yet by the server's time was left, and the next preview announces it again"
        if ahead > 0
        else "what is due by the server's time was done"
    )
    return (
        f"{current_name!r}: this machine's clock is {difference} {direction} the Account API's, "
        f"whose time decides: {consequence}. Set this machine's clock."
    )


def generation_name(api_key_name: str, generation: int) -> str:
    """Return the name of a generation's key in the console: "svc", then "svc-2", "svc-3"."""
    return api_key_name if generation == 1 else f"{api_key_name}-{generation}"
