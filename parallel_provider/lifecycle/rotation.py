"""When a rotating key is rotated and its predecessors are revoked: decided from values alone.

The current key rotates by age or by trigger. The key before it stays for the overlap, counted from
the moment that its successor was created, and is then retired; so does every older one that a
further rotation found still in its overlap, or whose revocation failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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


def generation_name(api_key_name: str, generation: int) -> str:
    """Return the name of a generation's key in the console: "svc", then "svc-2", "svc-3"."""
    return api_key_name if generation == 1 else f"{api_key_name}-{generation}"
