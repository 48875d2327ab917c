"""What has to go along when a resource is deleted before it is made anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from parallel_provider.testing.engine import decisions, graph
from parallel_provider.testing.engine.deployment import Deployment
from parallel_provider.testing.engine.state import ResourceState
from parallel_provider.testing.engine.values import UNKNOWN


def doomed_with(
    root: ResourceState,
    resources: Sequence[ResourceState],
    deployment: Deployment,
    *,
    ignored: Collection[str],
) -> list[ResourceState]:
    """List the resources that the replacement of one replaces too, in the order of the state.

    These are its dependents whose provider would replace them if what they take from what goes
    were another.
    """
    gone = {root.urn}
    doomed = []
    for state in graph.dependents(root, resources, ignored=ignored):
        if state.custom and not state.external and _is_replaced(state, gone, deployment):
            gone.add(state.urn)
            doomed.append(state)
    return doomed


def _is_replaced(state: ResourceState, gone: set[str], deployment: Deployment) -> bool:
    affected = {
        key for key, urns in state.property_dependencies.items() if not gone.isdisjoint(urns)
    }
    if affected.isdisjoint(state.inputs):
        return False
    wondering = {key: UNKNOWN if key in affected else v for key, v in state.inputs.items()}
    answer = deployment.asked(
        state.urn,
        lambda: deployment.provider().diff(
            state.urn,
            state.id,
            old_inputs=state.inputs,
            old_outputs=state.outputs,
            new_inputs=wondering,
            ignore_changes=state.ignore_changes,
        ),
        in_step=False,
    )
    diff = decisions.judged(
        answer,
        old_inputs=state.inputs,
        new_inputs=wondering,
        ignore_changes=state.ignore_changes,
        replace_on_changes=state.replace_on_changes,
    )
    return bool(diff.replaces)
