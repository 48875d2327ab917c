"""Changes of the state during an operation."""

from __future__ import annotations

from pulumi_embedded.state import ResourceState, SnapshotManager


def state(name: str, *dependencies: str, old_urn: str = "") -> ResourceState:
    """Return a resource that depends on others."""
    return ResourceState(name, "t", custom=True, dependencies=list(dependencies), old_urn=old_urn)


def names(snapshots: SnapshotManager) -> list[str]:
    """Return the URNs in the snapshot."""
    return [resource.urn for resource in snapshots.snapshot()]


def test_snapshot_lists_processed_resources_first() -> None:
    """In the middle of an operation, resources not yet processed follow unchanged."""
    snapshots = SnapshotManager([state("a"), state("b"), state("c")])
    snapshots.add(state("b"), instead_of=snapshots.live["b"])
    snapshots.remove(snapshots.live["c"])
    snapshots.add(state("d"))
    assert names(snapshots) == ["b", "d", "a"]


def test_changes_are_made_on_copies() -> None:
    """The resources given to the manager stay unchanged."""
    before = [state("a")]
    SnapshotManager(before).live["a"].delete = True
    assert before[0].delete is False


def test_snapshot_uses_new_urns() -> None:
    """References to an old URN become references to the new one."""
    snapshots = SnapshotManager([state("old"), state("user", "old")])
    snapshots.add(state("new", old_urn="old"), instead_of=snapshots.live["old"])
    assert snapshots.snapshot()[1].dependencies == ["new"]


def test_resource_marked_for_deletion_is_not_live() -> None:
    """The URN stands for the replacement, not for the old resource."""
    to_delete = state("a")
    to_delete.delete = True
    snapshots = SnapshotManager([state("a"), to_delete])
    assert snapshots.live["a"] is snapshots.before[0]
