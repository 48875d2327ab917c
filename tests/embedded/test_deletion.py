"""Which resources are deleted together, and in which order."""

from __future__ import annotations

from pulumi_embedded import deletion
from pulumi_embedded.state import ResourceState, without_missing_references


def state(urn: str, *dependencies: str, parent: str = "", custom: bool = True) -> ResourceState:
    """Return a resource that depends on others."""
    return ResourceState(urn, "t", custom, dependencies=list(dependencies), parent=parent)


def names(groups: list[list[ResourceState]]) -> list[list[str]]:
    """Return the URNs, in groups."""
    return [[member.urn for member in group] for group in groups]


def test_dependents_are_deleted_first() -> None:
    """The resources of one group don't depend on each other."""
    all_ = [state("a"), state("b", "a"), state("c", "b"), state("d", "a"), state("x")]
    assert names(deletion.deletion_order(all_, all_)) == [["c"], ["b", "d"], ["a", "x"]]


def test_resources_that_stay_are_in_no_group() -> None:
    """A resource that isn't deleted doesn't change the order of the others."""
    a, b, c = all_ = [state("a"), state("b", "a"), state("c", "b")]
    assert names(deletion.deletion_order([a, c], all_)) == [["a", "c"]]
    assert names(deletion.deletion_order([a, b], all_)) == [["b"], ["a"]]


def test_children_are_deleted_before_their_parent() -> None:
    """A dependent of a component is deleted before the resources in the component."""
    component = state("p", custom=False)
    all_ = [component, state("child", parent="p"), state("user", "p")]
    assert names(deletion.deletion_order(all_, all_)) == [["user"], ["child"], ["p"]]


def test_indirect_dependents_are_found() -> None:
    """Dependents of dependents count too. Ignored ones don't."""
    a, b, c, d = all_ = [state("a"), state("b", "a"), state("c", "b"), state("d")]
    assert deletion.dependents(a, all_) == [b, c]
    assert deletion.dependents(a, all_, ignored={"b"}) == []
    assert deletion.dependents(d, all_) == []
    assert deletion.all_dependencies(c, all_) == {a, b}


def test_references_to_missing_resources_are_dropped() -> None:
    """A resource can depend only on resources that come earlier in the state."""
    (kept,) = without_missing_references([state("b", "a", parent="p")])
    assert (kept.dependencies, kept.parent) == ([], "")
