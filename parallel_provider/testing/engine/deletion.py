"""What is deleted at the end of a run: what was replaced, and what the program has no more."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from parallel_provider.testing.engine import graph
from parallel_provider.testing.engine.deployment import Deployment
from parallel_provider.testing.engine.errors import Cancelled, StepFailed
from parallel_provider.testing.engine.state import ResourceState
from parallel_provider.testing.engine.steps import Steps


def delete_leftovers(
    deployment: Deployment,
    steps: Steps,
    *,
    operated: Collection[str] = (),
    deleted: Collection[ResourceState] = (),
) -> None:
    """Delete everything that was there before and isn't wanted, dependents first."""
    before = deployment.ledger.before
    tasks: dict[ResourceState, Callable[[], None]] = {}
    for state in before:
        if state in deleted and (state.delete or state.urn in operated):
            continue
        if state.delete:
            tasks[state] = partial(steps.delete, state, replaced=True)
        elif state.urn not in operated:
            wanted_anew = state.pending_replacement
            tasks[state] = (
                partial(steps.forget, state)
                if wanted_anew
                else partial(steps.delete, state, replaced=False)
            )
    spared: set[ResourceState] = set()
    for group in graph.deletion_order(tasks, before):
        chosen = {state: tasks[state] for state in group if state not in spared}
        for failed in run_together(deployment, chosen):
            # What could not be deleted still needs what it needs.
            spared |= graph.all_needed(failed, before)


def run_together(
    deployment: Deployment, tasks: dict[ResourceState, Callable[[], None]]
) -> list[ResourceState]:
    """Do things to resources side by side; report and return those that failed."""

    def attempt(state: ResourceState) -> bool:
        try:
            with deployment.slot():
                tasks[state]()
        except StepFailed as error:
            deployment.fail(error)
            return False
        except Cancelled:
            return False
        return True

    if not tasks:
        return []
    with ThreadPoolExecutor(max_workers=min(len(tasks), deployment.options.parallel)) as pool:
        results = list(pool.map(attempt, tasks))
    return [state for state, done in zip(tasks, results, strict=True) if not done]
