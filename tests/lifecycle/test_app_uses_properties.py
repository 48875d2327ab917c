"""Whatever is renamed, refreshed and killed: an app stays as long as the program has it."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from parallel_provider.lifecycle.app_uses import AppUses

_APP = "1"


@dataclass(frozen=True)
class OneRun:
    """A run of a program: what it keeps of the state, what is new, and where the run ends."""

    keeps: frozenset[int]
    adds: bool
    refreshes: bool
    deletions: tuple[int, ...]
    killed_after: int | None


_RUNS = st.builds(
    OneRun,
    keeps=st.frozensets(st.integers(0, 9)),
    adds=st.booleans(),
    refreshes=st.booleans(),
    deletions=st.permutations(range(10)).map(tuple),
    killed_after=st.none() | st.integers(0, 4),
)


class Stack:
    """The resources of one app in a state, each by its adoption; None created the app."""

    def __init__(self) -> None:
        self.resources: list[str | None] = [None]
        self.is_at_server = True
        self._adoptions = 0

    def run(self, run: OneRun) -> set[str | None]:
        """Take the steps of a run until it is killed; return what the program has of the state."""
        uses, steps = AppUses(), run.killed_after
        kept = {r for place, r in enumerate(self.resources) if place in run.keeps}
        if run.refreshes:
            for resource in self.resources:
                uses.manages(_APP, resource)
        for resource in kept:
            uses.manages(_APP, resource)
        before = list(self.resources)
        if run.adds:
            self._adoptions += 1
            new = str(self._adoptions)
            assert uses.take(_APP, new) is None
            self.resources.append(new)
            kept.add(new)
        places = [place for place in run.deletions if place < len(before)]
        for place in places[:steps]:
            if before[place] not in kept:
                if uses.begin_deletion(_APP, "prod", before[place]) is None:
                    self.is_at_server = False
                self.resources.remove(before[place])
        return kept


@settings(max_examples=500, deadline=None)
@given(runs=st.lists(_RUNS, min_size=1, max_size=8))
def test_app_stays_as_long_as_the_program_has_it(runs: list[OneRun]) -> None:
    """And it is gone when the state has no resource for it any more."""
    stack = Stack()
    for run in runs:
        kept = stack.run(run)
        assert stack.is_at_server or not kept
        if not stack.is_at_server:
            return
        assert stack.resources, "the app is left, and nothing manages it"
