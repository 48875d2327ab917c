"""Which top-up of a run may use which names and which idempotency key: each is used by one only."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple


class Claimant(NamedTuple):
    """A top-up, as the program declares it now; `parent_types` are the types around it."""

    parent_types: str
    resource_name: str

    def __str__(self) -> str:
        place = f" in {self.parent_types}" if self.parent_types else ""
        return f"{self.resource_name!r}{place}"


class ChargeClaims:
    """The claims of one run; safe to use from several threads.

    Resources come in any order: whichever of two comes second finds the other.
    """

    def __init__(self) -> None:
        self.charging = threading.Lock()
        """Held by the one top-up of this process that looks at the balance and charges."""
        self._lock = threading.Lock()
        self._existing: dict[tuple[str, ...], Claimant] = {}
        self._new: dict[tuple[str, ...], Claimant] = {}
        self._keys: dict[str, Claimant] = {}
        self._said: set[str] = set()

    def existing(self, identity: Sequence[str], claimant: Claimant) -> Claimant | None:
        """Note the names that a resource was created under; return a new one that has them too."""
        with self._lock:
            self._existing.setdefault(tuple(identity), claimant)
            return _other(self._new.get(tuple(identity)), claimant)

    def new(self, identity: Sequence[str], claimant: Claimant) -> Claimant | None:
        """Note the names that a resource is to be created under; return who has them already."""
        names = tuple(identity)
        with self._lock:
            first = self._new.setdefault(names, claimant)
            return _other(self._existing.get(names), claimant) or _other(first, claimant)

    def created(self, identity: Sequence[str], claimant: Claimant) -> None:
        """Note that a new resource exists by now; its next charges have keys of their own."""
        with self._lock:
            if self._new.get(tuple(identity)) == claimant:
                del self._new[tuple(identity)]

    def key(self, key: str, claimant: Claimant) -> Claimant | None:
        """Note who charges under a key; return another one that does."""
        with self._lock:
            return _other(self._keys.setdefault(key, claimant), claimant)

    def first_to_say(self, text: str) -> bool:
        """Say whether this run hasn't told its user this before."""
        with self._lock:
            if text in self._said:
                return False
            self._said.add(text)
            return True


def _other(found: Claimant | None, claimant: Claimant) -> Claimant | None:
    return found if found != claimant else None
