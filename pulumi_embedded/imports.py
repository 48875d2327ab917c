"""Imports: a resource that exists becomes one of the stack (`ResourceOptions(import_=ID)`)."""

from __future__ import annotations

from pulumi_embedded import diffs
from pulumi_embedded.deployment import Deployment
from pulumi_embedded.desired import DesiredResource
from pulumi_embedded.diffs import Diff, StepOp
from pulumi_embedded.errors import StepFailed
from pulumi_embedded.provider import ReadResult
from pulumi_embedded.state import ResourceState, now
from pulumi_embedded.steps import Steps
from pulumi_embedded.values import marked_outputs


def is_import(desired: DesiredResource, old: ResourceState | None) -> bool:
    """Say whether a registration imports a resource that the stack doesn't have yet."""
    if not desired.custom or not desired.import_id:
        return False
    return old is None or old.external or (old.import_id or old.id) != desired.import_id


class Imports:
    """The steps of imports."""

    def __init__(self, deployment: Deployment, steps: Steps) -> None:
        self._deployment = deployment
        self._steps = steps

    def read(self, new: ResourceState, *, replaces: ResourceState | None) -> ResourceState:
        """Read the resource by its id, and put it into the state as it was found."""
        found = self._found(new)
        imported = new.copy(
            id=found.id or new.import_id,
            inputs=found.inputs or {},
            outputs=marked_outputs(
                found.outputs, found.inputs or {}, new.additional_secret_outputs
            ),
            created=now(),
            modified=now(),
        )
        if replaces is not None:
            replaces.delete = True
        self._deployment.snapshots.add(imported)
        self._deployment.count("import", imported)
        return imported

    def continue_with(self, new: ResourceState, imported: ResourceState, diff: Diff) -> None:
        """Keep the resource as it was found, or update it to the program's inputs."""
        operation = diffs.step_op(imported, diff)
        if operation is StepOp.REPLACE:
            text = (
                "previously-imported resources that still specify an ID may not be replaced; "
                "please remove the `import` declaration from your program"
            )
            raise StepFailed(new.urn, text, in_step=False)
        if operation is StepOp.UPDATE:
            self._steps.update(imported, new)
        else:
            new.id, new.inputs, new.outputs = imported.id, imported.inputs, imported.outputs

    def _found(self, new: ResourceState) -> ReadResult:
        deployment = self._deployment
        found = deployment.call_provider(
            new.urn,
            lambda: deployment.provider(new).read(new.urn, new.import_id, inputs=None, state=None),
        )
        if not found.id:
            raise StepFailed(new.urn, f"resource '{new.import_id}' does not exist")
        if found.inputs is None:
            package = new.type.partition(":")[0]
            raise StepFailed(
                new.urn,
                "provider does not support importing resources; please try updating the "
                f"'{package}' plugin",
            )
        return found
