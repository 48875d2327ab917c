"""Who needs whom: the order in which resources may be deleted.

A state lists each resource after what it needs; all of this leans on that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from parallel_provider.testing.engine.state import ResourceState


def dependents(
    root: ResourceState, resources: Sequence[ResourceState], *, ignored: Collection[str] = ()
) -> list[ResourceState]:
    """List what directly or indirectly needs a resource, in the order of the state."""
    reached = {root.urn}
    found = []
    for candidate in resources[resources.index(root) + 1 :]:
        if candidate.urn not in ignored and not reached.isdisjoint(candidate.needs()):
            found.append(candidate)
            reached.add(candidate.urn)
    return found


def deletion_order(
    condemned: Collection[ResourceState], resources: Sequence[ResourceState]
) -> list[list[ResourceState]]:
    """Arrange resources in groups: all of one may go at once, and before any of the next."""
    dooms = set(condemned)
    needs = {
        state: {other for other in _needed(state, resources[:position]) if other in dooms}
        for position, state in enumerate(resources)
        if state in dooms
    }
    groups = []
    while needs:
        free = [state for state, others in needs.items() if others.isdisjoint(needs)]
        groups.append(free)
        for state in free:
            del needs[state]
    groups.reverse()
    return groups


def _needed(state: ResourceState, earlier: Iterable[ResourceState]) -> list[ResourceState]:
    names = {*state.needs(), state.parent}
    # Who needs a component needs all that is in it.
    components: set[str] = set()
    found = []
    for other in earlier:
        inside = other.parent in components
        if other.urn in names or inside:
            found.append(other)
            if not other.custom and (inside or other.urn != state.parent):
                components.add(other.urn)
    return found


def all_needed(state: ResourceState, resources: Sequence[ResourceState]) -> set[ResourceState]:
    """Return everything that a resource directly or indirectly needs."""
    found: set[ResourceState] = set()
    waiting = [state]
    while waiting:
        current = waiting.pop()
        for other in _needed(current, resources[: resources.index(current)]):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
