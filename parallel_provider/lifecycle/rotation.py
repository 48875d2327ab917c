"""When a rotating key is rotated and its predecessors are revoked: decided from values alone.

The current key rotates by age or by trigger. The key before it stays for the overlap, counted from
the moment that its successor was created, and is then retired; so does every older one that a
further rotation found still in its overlap, or whose revocation failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from parallel_provider.lifecycle.durations import format_duration

Cause = Literal["age", "triggers"]


@dataclass(frozen=True)
class Replaced:
    """A key that isn't current any more and not revoked yet.

    `replaced_at` is when its successor was created, in epoch seconds.
    """

    api_key_id: str
    api_key_name: str
    replaced_at: int


@dataclass(frozen=True)
class Plan:
    """What a run has to do with the keys of one resource."""

    rotate_because: Cause | None = None
    revoke: tuple[Replaced, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether nothing is due."""
        return self.rotate_because is None and not self.revoke


def plan(
    *,
    created_at: int,
    replaced: Sequence[Replaced],
    rotate_after: int | None,
    overlap: int | None,
    triggers_changed: bool,
    now: float,
) -> Plan:
    """Decide what is due at `now` (epoch seconds).

    `created_at` is the current key's, `replaced` are the keys before it; durations are in seconds,
    None where a preview doesn't know them yet, and then nothing is due because of them.
    """
    cause: Cause | None = None
    if triggers_changed:
        cause = "triggers"
    elif rotate_after is not None and now >= created_at + rotate_after:
        cause = "age"
    return Plan(cause, due_to_revoke(replaced, overlap, now))


def due_to_revoke(
    replaced: Sequence[Replaced], overlap: int | None, now: float
) -> tuple[Replaced, ...]:
    """Return the replaced keys whose overlap has passed at `now`."""
    if overlap is None:
        return ()
    return tuple(key for key in replaced if now >= key.replaced_at + overlap)


def sentences(
    plan: Plan, *, current_name: str, age: float, rotate_after: str, at_once: bool
) -> Iterator[str]:
    """Say what is due and why, as an update in place shows no reason by itself.

    `age` is the current key's, in seconds; `at_once` says that it won't outlive its rotation.
    """
    if plan.rotate_because is not None:
        reason = {
            "age": f"it is {format_duration(age)} old, and rotate_after is {rotate_after}",
            "triggers": "its triggers have changed",
        }[plan.rotate_because]
        ending = "; with an overlap of 0s, it is revoked in the same run" if at_once else ""
        yield f"{current_name!r} is due to be rotated: {reason}{ending}."
    if plan.revoke:
        names = ", ".join(repr(key.api_key_name) for key in plan.revoke)
        ending = "" if plan.rotate_because else f"; the current key {current_name!r} stays"
        yield f"The overlap of {names} has passed: due to be revoked{ending}."


def clock_sentence(current_name: str, here: Plan, at_server: Plan, ahead: float) -> str | None:
    """Say that the server's time decided otherwise than this machine's clock; None if it didn't.

    `here` and `at_server` are what is due by either; `ahead` is by how many seconds this machine's
    clock is ahead of the server's.
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
