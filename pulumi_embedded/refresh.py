"""Refresh: read every resource, and put what was found into the state."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pulumi_embedded import diffs
from pulumi_embedded.deletion import run_together
from pulumi_embedded.deployment import Deployment
from pulumi_embedded.errors import StepFailed
from pulumi_embedded.provider import ReadResult
from pulumi_embedded.stack_references import read
from pulumi_embedded.state import ResourceState, now, without_missing_references
from pulumi_embedded.values import marked_outputs


class Refresh:
    """Reads every resource. If one read fails, the others are still done."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._found: dict[ResourceState, ResourceState | None] = {}

    def run(self) -> None:
        """Read all resources."""
        tasks: dict[ResourceState, Callable[[], None]] = {
            state: partial(self._refresh, state) for state in self._deployment.snapshots.before
        }
        run_together(self._deployment, tasks)

    def snapshot(self) -> list[ResourceState]:
        """Return the resources as they were found. Those not read stay as they were."""
        found = (self._found.get(state, state) for state in self._deployment.snapshots.before)
        return without_missing_references(state for state in found if state is not None)

    def _refresh(self, state: ResourceState) -> None:
        self._found[state] = _refreshed(self._deployment, state)


def _refreshed(deployment: Deployment, state: ResourceState) -> ResourceState | None:
    if not state.custom or state.is_provider or state.pending_replacement:
        deployment.count("same", state)
        return state
    try:
        found = read(deployment, state, state.outputs)
        if not found.id:
            deployment.count("delete", state)
            return None
        inputs = state.inputs if found.inputs is None else found.inputs
        outputs = marked_outputs(found.outputs, inputs, state.additional_secret_outputs)
        new = state.copy(id=found.id, inputs=inputs, outputs=outputs)
        changed = _differs(deployment, state, new, found)
    except StepFailed as error:
        raise StepFailed(error.urn, str(error), fatal=False) from None
    if (new.inputs, new.outputs) != (state.inputs, state.outputs):
        new.modified = now()
    deployment.count("update" if changed else "same", new)
    return new


def _differs(
    deployment: Deployment, old: ResourceState, new: ResourceState, found: ReadResult
) -> bool:
    """Say whether the resource differs from the program's last inputs."""
    if old.external:
        return new.outputs != old.outputs
    answer = deployment.call_provider(
        new.urn,
        lambda: deployment.provider(old).diff(
            new.urn,
            found.id,
            old_inputs=new.inputs,
            old_outputs=new.outputs,
            new_inputs=old.inputs,
            ignore_changes=old.ignore_changes,
        ),
    )
    diff = diffs.complete(
        answer,
        old_inputs=new.inputs,
        new_inputs=old.inputs,
        ignore_changes=old.ignore_changes,
    )
    return diff.changes
