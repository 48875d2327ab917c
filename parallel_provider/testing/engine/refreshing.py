"""Takes into the state what has become of the resources."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from parallel_provider.testing.engine import decisions
from parallel_provider.testing.engine.decisions import marked_outputs
from parallel_provider.testing.engine.deletion import run_together
from parallel_provider.testing.engine.deployment import Deployment
from parallel_provider.testing.engine.errors import StepFailed
from parallel_provider.testing.engine.ledger import repaired
from parallel_provider.testing.engine.provider import Found
from parallel_provider.testing.engine.state import ResourceState, now


class Refresh:
    """A look at every resource; one that fails doesn't keep the others from being looked at."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._found: dict[ResourceState, ResourceState | None] = {}

    def run(self) -> None:
        """Look at everything."""
        tasks: dict[ResourceState, Callable[[], None]] = {
            state: partial(self._look, state) for state in self._deployment.ledger.before
        }
        run_together(self._deployment, tasks)

    def snapshot(self) -> list[ResourceState]:
        """Return the state as it was found to be; what wasn't looked at stays as it was."""
        found = (self._found.get(state, state) for state in self._deployment.ledger.before)
        return repaired(state for state in found if state is not None)

    def _look(self, state: ResourceState) -> None:
        self._found[state] = _looked_at(self._deployment, state)


def _looked_at(deployment: Deployment, state: ResourceState) -> ResourceState | None:
    if not state.custom or state.is_provider or state.pending_replacement:
        deployment.count("same", state)
        return state
    try:
        found = deployment.asked(
            state.urn,
            lambda: deployment.provider().read(
                state.urn, state.id, inputs=state.inputs, state=state.outputs
            ),
        )
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


def _differs(deployment: Deployment, old: ResourceState, new: ResourceState, found: Found) -> bool:
    """Say whether what was found is another thing than what the program last wanted."""
    if old.external:
        return new.outputs != old.outputs
    answer = deployment.asked(
        new.urn,
        lambda: deployment.provider().diff(
            new.urn,
            found.id,
            old_inputs=new.inputs,
            old_outputs=new.outputs,
            new_inputs=old.inputs,
            ignore_changes=old.ignore_changes,
        ),
    )
    diff = decisions.judged(
        answer,
        old_inputs=new.inputs,
        new_inputs=old.inputs,
        ignore_changes=old.ignore_changes,
    )
    return diff.changes
