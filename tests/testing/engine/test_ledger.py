"""The state as it becomes."""

from __future__ import annotations

from parallel_provider.testing.engine.ledger import Ledger
from parallel_provider.testing.engine.state import ResourceState


def state(name: str, *needs: str, aliases: list[str] | None = None) -> ResourceState:
    """Return a resource that needs others."""
    return ResourceState(name, "t", custom=True, dependencies=list(needs), aliases=aliases or [])


def names(ledger: Ledger) -> list[str]:
    """Return the names in the snapshot."""
    return [resource.urn for resource in ledger.snapshot()]


def test_snapshot_has_what_was_touched_first_and_then_the_rest() -> None:
    """Closed in the middle, the state has the new, and what wasn't come to yet."""
    ledger = Ledger([state("a"), state("b"), state("c")])
    ledger.add(state("b"), instead_of=ledger.live["b"])
    ledger.remove(ledger.live["c"])
    ledger.add(state("d"))
    assert names(ledger) == ["b", "d", "a"]


def test_ledger_leaves_the_state_it_began_with_alone() -> None:
    """What an operation marks, it marks on copies."""
    before = [state("a")]
    Ledger(before).live["a"].delete = True
    assert before[0].delete is False


def test_snapshot_calls_resources_by_their_new_names() -> None:
    """What still refers to an earlier name refers to the one of today."""
    ledger = Ledger([state("old"), state("user", "old")])
    ledger.add(state("new", aliases=["old"]), instead_of=ledger.live["old"])
    assert ledger.snapshot()[1].dependencies == ["new"]


def test_what_is_marked_for_deletion_is_not_live() -> None:
    """A name belongs to the resource that replaced the one to delete."""
    doomed = state("a")
    doomed.delete = True
    ledger = Ledger([state("a"), doomed])
    assert ledger.live["a"] is ledger.before[0]
