"""Which top-up of a run was created under which names. No two have the same."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import NamedTuple


class TopUpName(NamedTuple):
    """A top-up's name in the program now. `parent_types` are the types of its parents."""

    parent_types: str
    resource_name: str

    def __str__(self) -> str:
        place = f" in {self.parent_types}" if self.parent_types else ""
        return f"{self.resource_name!r}{place}"


class ChargeRegistry:
    """The top-ups of one run and their identities. Safe to use from several threads.

    An identity is the names that a top-up was created under. Of two top-ups that use the same
    identity, the second one that is noted here gets the name of the first one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._existing: dict[tuple[str, ...], TopUpName] = {}
        self._new: dict[tuple[str, ...], TopUpName] = {}

    def note_existing(self, identity: Sequence[str], name: TopUpName) -> TopUpName | None:
        """Note an existing top-up; return a new one that has the same identity, or None."""
        with self._lock:
            self._existing.setdefault(tuple(identity), name)
            return _other(self._new.get(tuple(identity)), name)

    def note_new(self, identity: Sequence[str], name: TopUpName) -> TopUpName | None:
        """Note a top-up that will be created; return another one of this identity, or None."""
        key = tuple(identity)
        with self._lock:
            first = self._new.setdefault(key, name)
            return _other(self._existing.get(key), name) or _other(first, name)

    def note_created(self, identity: Sequence[str], name: TopUpName) -> None:
        """Note that a new top-up exists now. Its next charges have keys of their own."""
        with self._lock:
            if self._new.get(tuple(identity)) == name:
                del self._new[tuple(identity)]


def _other(found: TopUpName | None, name: TopUpName) -> TopUpName | None:
    return found if found != name else None
