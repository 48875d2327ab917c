"""The order of deletions."""

from __future__ import annotations

from parallel_provider.testing.engine import graph
from parallel_provider.testing.engine.ledger import repaired
from parallel_provider.testing.engine.state import ResourceState


def state(urn: str, *needs: str, parent: str = "", custom: bool = True) -> ResourceState:
    """Return a resource that needs others."""
    return ResourceState(urn, "t", custom, dependencies=list(needs), parent=parent)


def names(groups: list[list[ResourceState]]) -> list[list[str]]:
    """Return the names in groups."""
    return [[member.urn for member in group] for group in groups]


def test_dependents_go_first_and_strangers_go_along() -> None:
    """Each group may go at once, once those before it are gone."""
    all_ = [state("a"), state("b", "a"), state("c", "b"), state("d", "a"), state("x")]
    assert names(graph.deletion_order(all_, all_)) == [["c"], ["b", "d"], ["a", "x"]]


def test_only_what_is_condemned_is_deleted() -> None:
    """What stays doesn't hold up what goes."""
    a, b, c = all_ = [state("a"), state("b", "a"), state("c", "b")]
    assert names(graph.deletion_order([a, c], all_)) == [["a", "c"]]
    assert names(graph.deletion_order([a, b], all_)) == [["b"], ["a"]]


def test_children_go_before_their_parent() -> None:
    """A parent waits for its children, and those who need it for all that is in it."""
    component = state("p", custom=False)
    all_ = [component, state("child", parent="p"), state("user", "p")]
    assert names(graph.deletion_order(all_, all_)) == [["user"], ["child"], ["p"]]


def test_dependents_are_found_through_others() -> None:
    """Whoever needs a resource, be it by another one, is a dependent; what is ignored isn't."""
    a, b, c, d = all_ = [state("a"), state("b", "a"), state("c", "b"), state("d")]
    assert graph.dependents(a, all_) == [b, c]
    assert graph.dependents(a, all_, ignored={"b"}) == []
    assert graph.dependents(d, all_) == []
    assert graph.all_needed(c, all_) == {a, b}


def test_references_to_what_is_gone_are_dropped() -> None:
    """What isn't before a resource in the state can't be what it needs."""
    (kept,) = repaired([state("b", "a", parent="p")])
    assert (kept.dependencies, kept.parent) == ([], "")
