"""The state as it becomes, while an operation runs."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from parallel_provider.testing.engine.state import ResourceState


class Ledger:
    """What was there at the start, and what has been done to it since.

    It can be closed at any moment, and what it then gives is the truth about all that was done:
    first what this operation has touched, then what it hasn't come to yet.
    """

    def __init__(self, before: Iterable[ResourceState]) -> None:
        self._lock = threading.Lock()
        self.rebase(before)

    def rebase(self, before: Iterable[ResourceState]) -> None:
        """Begin again with another state."""
        # Operations mark what they replace, and a preview must leave no trace of that.
        self.before = [state.copy() for state in before]
        self.live = {state.urn: state for state in self.before if not state.delete}
        self._done: set[ResourceState] = set()
        self._new: list[ResourceState] = []

    def add(self, new: ResourceState, instead_of: ResourceState | None = None) -> None:
        """Note a resource, which may take the place of what it was before."""
        with self._lock:
            self._new.append(new)
            if instead_of is not None:
                self._done.add(instead_of)

    def remove(self, old: ResourceState) -> None:
        """Note that a resource is no more."""
        with self._lock:
            self._done.add(old)

    def snapshot(self) -> list[ResourceState]:
        """Return the resources that there are, under the names they have now."""
        with self._lock:
            kept = [state for state in self._new if state not in self._done]
            left = [state for state in self.before if state not in self._done]
        names = {old: state.urn for state in kept for old in state.aliases}
        return [state.renamed(names) for state in (*kept, *left)]


def repaired(resources: Iterable[ResourceState]) -> list[ResourceState]:
    """Return resources without references to what is no longer before them in the list."""
    there: set[str] = set()
    kept: list[ResourceState] = []
    for state in resources:
        kept.append(
            state.copy(
                parent=state.parent if state.parent in there else "",
                dependencies=[urn for urn in state.dependencies if urn in there],
                property_dependencies={
                    key: still
                    for key, urns in state.property_dependencies.items()
                    if (still := [urn for urn in urns if urn in there])
                },
            )
        )
        there.add(state.urn)
    return kept
