"""Deletion: which resources an operation deletes, and in which order.

A state lists each resource after those that it depends on. The functions here rely on that order.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pulumi_embedded import diffs
from pulumi_embedded.deployment import Deployment
from pulumi_embedded.errors import Cancelled, StepFailed
from pulumi_embedded.state import ResourceState
from pulumi_embedded.steps import Steps
from pulumi_embedded.values import UNKNOWN


def delete_unwanted(
    deployment: Deployment,
    steps: Steps,
    *,
    wanted: Collection[str] = (),
    deleted: Collection[ResourceState] = (),
) -> None:
    """Delete the resources that the program no longer has, dependents first.

    `wanted` has the URNs that the program registered or read. `deleted` has the resources that
    were deleted before their replacement.
    """
    before = deployment.snapshots.before
    tasks: dict[ResourceState, Callable[[], None]] = {}
    for state in before:
        if state in deleted and (state.delete or state.urn in wanted):
            continue
        if state.delete:
            tasks[state] = partial(steps.delete, state, replaced=True)
        elif state.urn not in wanted and state.pending_replacement:
            tasks[state] = partial(steps.remove_pending_replacement, state)
        elif state.urn not in wanted:
            tasks[state] = partial(steps.delete, state, replaced=False)
    still_needed: set[ResourceState] = set()
    for group in deletion_order(tasks, before):
        chosen = {state: tasks[state] for state in group if state not in still_needed}
        for failed in run_together(deployment, chosen):
            # A resource that could not be deleted still needs its dependencies. As in Pulumi's
            # engine, these don't include old resources whose replacements exist.
            needed = all_dependencies(failed, before)
            still_needed |= {state for state in needed if not state.delete}


def run_together(
    deployment: Deployment, tasks: dict[ResourceState, Callable[[], None]]
) -> list[ResourceState]:
    """Run one task for each resource, in parallel. Report and return the resources that failed.

    If one fails, the others of this call still run.
    """
    fatal = threading.Event()

    def attempt(state: ResourceState) -> bool:
        try:
            with deployment.slot():
                tasks[state]()
        except StepFailed as error:
            deployment.fail(error, fatal=False)
            if error.fatal:
                fatal.set()
            return False
        except Cancelled:
            return False
        return True

    if not tasks:
        return []
    with ThreadPoolExecutor(max_workers=min(len(tasks), deployment.options.parallel)) as pool:
        # Pulumi's engine promises no order, so no test should rely on one.
        states = random.sample(list(tasks), len(tasks))
        results = list(pool.map(attempt, states))
    if fatal.is_set():
        deployment.cancel()
    return [state for state, done in zip(states, results, strict=True) if not done]


def dependents_to_delete(
    root: ResourceState,
    resources: Sequence[ResourceState],
    deployment: Deployment,
    *,
    ignored: Collection[str],
) -> list[ResourceState]:
    """List the dependents that have to be deleted before a resource is replaced.

    These are the dependents that would be replaced too: their provider says so when the inputs
    that come from a deleted resource are unknown. They are listed in the order of the state.
    """
    deleted = {root.urn}
    found = []
    for state in dependents(root, resources, ignored=ignored):
        if state.custom and not state.external and _is_replaced(state, deleted, deployment):
            deleted.add(state.urn)
            found.append(state)
    return found


def _is_replaced(state: ResourceState, deleted: set[str], deployment: Deployment) -> bool:
    affected = {
        key for key, urns in state.property_dependencies.items() if not deleted.isdisjoint(urns)
    }
    if affected.isdisjoint(state.inputs):
        return False
    inputs = {key: UNKNOWN if key in affected else v for key, v in state.inputs.items()}
    answer = deployment.call_provider(
        state.urn,
        lambda: deployment.provider(state).diff(
            state.urn,
            state.id,
            old_inputs=state.inputs,
            old_outputs=state.outputs,
            new_inputs=inputs,
            ignore_changes=state.ignore_changes,
        ),
        in_step=False,
    )
    diff = diffs.complete(
        answer,
        old_inputs=state.inputs,
        new_inputs=inputs,
        ignore_changes=state.ignore_changes,
        replace_on_changes=state.replace_on_changes,
    )
    return bool(diff.replaces)


def dependents(
    root: ResourceState, resources: Sequence[ResourceState], *, ignored: Collection[str] = ()
) -> list[ResourceState]:
    """List the direct and indirect dependents of a resource, in the order of the state."""
    reached = {root.urn}
    found = []
    for candidate in resources[resources.index(root) + 1 :]:
        if candidate.urn not in ignored and not reached.isdisjoint(candidate.needs()):
            found.append(candidate)
            reached.add(candidate.urn)
    return found


def deletion_order(
    to_delete: Collection[ResourceState], resources: Sequence[ResourceState]
) -> list[list[ResourceState]]:
    """Arrange resources in groups. Those of one group can be deleted in parallel."""
    deleted = set(to_delete)
    needs = {
        state: {other for other in _dependencies(state, resources[:position]) if other in deleted}
        for position, state in enumerate(resources)
        if state in deleted
    }
    groups = []
    while needs:
        free = [state for state, others in needs.items() if others.isdisjoint(needs)]
        groups.append(free)
        for state in free:
            del needs[state]
    groups.reverse()
    return groups


def _dependencies(state: ResourceState, earlier: Iterable[ResourceState]) -> list[ResourceState]:
    urns = {*state.needs(), state.parent}
    # A resource that depends on a component depends on all resources in it.
    components: set[str] = set()
    found = []
    for other in earlier:
        inside = other.parent in components
        if other.urn in urns or inside:
            found.append(other)
            if not other.custom and (inside or other.urn != state.parent):
                components.add(other.urn)
    return found


def all_dependencies(
    state: ResourceState, resources: Sequence[ResourceState]
) -> set[ResourceState]:
    """Return the direct and indirect dependencies of a resource."""
    found: set[ResourceState] = set()
    waiting = [state]
    while waiting:
        current = waiting.pop()
        for other in _dependencies(current, resources[: resources.index(current)]):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found
