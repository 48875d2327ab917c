"""Single steps: each does one thing to one resource, and enters it in the ledger."""

from __future__ import annotations

from collections.abc import Callable

from parallel_provider.testing.engine.decisions import marked_outputs
from parallel_provider.testing.engine.deployment import Deployment
from parallel_provider.testing.engine.errors import StepFailed
from parallel_provider.testing.engine.state import ResourceState, now

Step = Callable[[], None]


class Steps:
    """The steps of one deployment; in a preview they do nothing but say what they would."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._ledger = deployment.ledger

    def same(self, old: ResourceState, new: ResourceState) -> None:
        """Keep a resource as it is."""
        new.id, new.outputs = old.id, old.outputs
        _mark(new)
        self._ledger.add(new, instead_of=old)
        self._deployment.count("same", new)

    def create(self, new: ResourceState) -> None:
        """Make a new resource."""
        self._make(new)
        self._ledger.add(new)
        self._deployment.count("create", new)

    def create_replacement(
        self, old: ResourceState, new: ResourceState, *, deleted: bool = False
    ) -> None:
        """Make what takes the place of another, which is deleted later or was before."""
        self._make(new)
        if deleted or old.pending_replacement:
            self._ledger.add(new, instead_of=old)
        else:
            old.delete = True
            self._ledger.add(new)
        self._deployment.count("replace", new)

    def update(self, old: ResourceState, new: ResourceState) -> None:
        """Change a resource in place."""
        deployment = self._deployment
        new.id = old.id
        if new.custom and deployment.dry_run:
            new.outputs = dict(new.inputs)
        elif new.custom:
            new.outputs = deployment.asked(
                new.urn,
                lambda: deployment.provider().update(
                    new.urn,
                    old.id,
                    old_inputs=old.inputs,
                    old_outputs=old.outputs,
                    new_inputs=new.inputs,
                    ignore_changes=new.ignore_changes,
                ),
            )
            new.modified = now()
        _mark(new)
        self._ledger.add(new, instead_of=old)
        deployment.count("update", new)

    def read(self, old: ResourceState | None, new: ResourceState) -> None:
        """Look at a resource that is somebody else's."""
        deployment = self._deployment
        if new.id:
            found = deployment.asked(
                new.urn,
                lambda: deployment.provider().read(
                    new.urn, new.id, inputs=new.inputs, state=new.inputs
                ),
            )
            new.outputs = found.outputs
            new.id = found.id or new.id
        _mark(new)
        if old is not None and not old.external and old.id != new.id:
            old.delete = True
            self._ledger.add(new)
            deployment.count("replace", new)
        else:
            self._ledger.add(new, instead_of=old)
            # A look that finds nothing new is not worth mentioning.
            if old is not None and old.outputs != new.outputs:
                deployment.count("read", new)

    def delete(self, old: ResourceState, *, replaced: bool) -> None:
        """Delete a resource, or what was left of it when it was replaced."""
        deployment = self._deployment
        if old.protect and not replaced:
            raise StepFailed(old.urn, _protected(old.urn), fatal=False)
        if not deployment.dry_run and old.custom and not _is_let_go(old):
            deployment.asked(
                old.urn,
                lambda: deployment.provider().delete(
                    old.urn, old.id, inputs=old.inputs, outputs=old.outputs
                ),
            )
        self._ledger.remove(old)
        if not replaced:
            deployment.count("discard" if old.external else "delete", old)

    def delete_first(self, old: ResourceState) -> None:
        """Delete what is to be made anew; the state remembers it until then."""
        deployment = self._deployment
        if not deployment.dry_run and not _is_let_go(old):
            deployment.asked(
                old.urn,
                lambda: deployment.provider().delete(
                    old.urn, old.id, inputs=old.inputs, outputs=old.outputs
                ),
            )
        old.pending_replacement = True

    def forget(self, old: ResourceState) -> None:
        """Drop what was deleted to be made anew, and isn't wanted any more."""
        self._ledger.remove(old)

    def _make(self, new: ResourceState) -> None:
        deployment = self._deployment
        if new.custom and deployment.dry_run:
            new.outputs = dict(new.inputs)
        elif new.custom:
            new.id, new.outputs = deployment.asked(
                new.urn, lambda: deployment.provider().create(new.urn, new.inputs)
            )
        _mark(new)
        new.created = new.modified = now()


def _mark(state: ResourceState) -> None:
    state.outputs = marked_outputs(state.outputs, state.inputs, state.additional_secret_outputs)


def _is_let_go(state: ResourceState) -> bool:
    return state.external or state.retain_on_delete or state.is_provider


def _protected(urn: str) -> str:
    return (
        f'resource "{urn}" cannot be deleted\n'
        "because it is protected. To unprotect the resource, either remove the `protect` flag "
        "from the resource in your Pulumi program and run `pulumi up`, or use the command:\n"
        f"`pulumi state unprotect '{urn}'`"
    )
