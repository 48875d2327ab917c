"""Steps: each does one thing to one resource and records it in the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pulumi_embedded.deployment import Deployment
from pulumi_embedded.display import protected_from_deletion
from pulumi_embedded.errors import StepFailed
from pulumi_embedded.provider import InitFailed
from pulumi_embedded.stack_references import read
from pulumi_embedded.state import ResourceState, now
from pulumi_embedded.values import marked_like, marked_outputs

Step = Callable[[], None]


class Steps:
    """The steps of one operation. In a preview they only count and print."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._snapshots = deployment.snapshots

    def same(self, old: ResourceState, new: ResourceState) -> None:
        """Keep a resource unchanged."""
        new.id, new.outputs = old.id, old.outputs
        _mark_secrets(new)
        if new.is_provider:
            self._deployment.call_provider(
                new.urn, lambda: self._deployment.provider_resources.same(new)
            )
        self._snapshots.add(new, instead_of=old)
        self._deployment.count("same", new)

    def create(self, new: ResourceState) -> None:
        """Create a resource."""
        with self._create(new):
            self._snapshots.add(new)
        self._deployment.count("create", new)

    def create_replacement(
        self, old: ResourceState, new: ResourceState, *, deleted: bool = False
    ) -> None:
        """Create the replacement of a resource. The old one is deleted later, unless `deleted`."""
        with self._create(new):
            if deleted or old.pending_replacement:
                self._snapshots.add(new, instead_of=old)
            else:
                old.delete = True
                self._snapshots.add(new)
        self._deployment.count("replace", new)

    def update(self, old: ResourceState, new: ResourceState) -> None:
        """Update a resource in place."""
        deployment = self._deployment
        new.id = old.id

        def update() -> None:
            new.outputs = deployment.provider(new).update(
                new.urn,
                old.id,
                old_inputs=old.inputs,
                old_outputs=old.outputs,
                new_inputs=new.inputs,
                ignore_changes=new.ignore_changes,
                preview=deployment.dry_run,
            )

        with self._init_errors_kept(update, new):
            if new.custom and not deployment.dry_run:
                new.modified = now()
            _mark_secrets(new)
            self._snapshots.add(new, instead_of=old)
        deployment.count("update", new)

    def read(self, old: ResourceState | None, new: ResourceState) -> None:
        """Read a resource that this stack doesn't manage."""
        deployment = self._deployment
        if new.id:
            found = read(deployment, new, new.inputs)
            new.outputs = found.outputs
            new.id = found.id or new.id
        _mark_secrets(new)
        if old is not None and not old.external and old.id != new.id:
            old.delete = True
            self._snapshots.add(new)
            deployment.count("replace", new)
        else:
            self._snapshots.add(new, instead_of=old)
            # The command line doesn't count a read without changes.
            if old is not None and old.outputs != new.outputs:
                deployment.count("read", new)

    def delete(self, old: ResourceState, *, replaced: bool) -> None:
        """Delete a resource. `replaced` is for the old resource of a replacement."""
        if old.protect and not replaced:
            raise StepFailed(old.urn, protected_from_deletion(old.urn), fatal=False)
        self._provider_delete(old)
        self._snapshots.remove(old)
        if not replaced:
            self._deployment.count("discard" if old.external else "delete", old)

    def delete_before_replace(self, old: ResourceState) -> None:
        """Delete a resource before its replacement is created. It stays in the state until then."""
        self._provider_delete(old)
        old.pending_replacement = True

    def remove_pending_replacement(self, old: ResourceState) -> None:
        """Remove a resource that was deleted, but whose replacement is no longer wanted."""
        self._snapshots.remove(old)

    def _provider_delete(self, old: ResourceState) -> None:
        left = old.external or old.retain_on_delete or old.is_provider or not old.custom
        if left or self._deployment.dry_run:
            return

        def delete() -> None:
            self._deployment.provider(old).delete(
                old.urn, old.id, inputs=old.inputs, outputs=old.outputs
            )

        self._deployment.call_provider(old.urn, delete)

    @contextmanager
    def _create(self, new: ResourceState) -> Iterator[None]:
        """Create a resource. The body puts it into the state."""
        deployment = self._deployment

        def create() -> None:
            new.id, new.outputs = deployment.provider(new).create(
                new.urn, new.inputs, preview=deployment.dry_run
            )

        with self._init_errors_kept(create, new):
            _mark_secrets(new)
            new.created = new.modified = now()
            yield

    @contextmanager
    def _init_errors_kept(self, call: Callable[[], None], new: ResourceState) -> Iterator[None]:
        """Call the provider. The body runs also if the resource exists though the call failed."""
        failure = None
        if new.custom:
            try:
                self._deployment.call_provider(new.urn, call)
            except StepFailed as error:
                if not isinstance(error.__cause__, InitFailed):
                    raise
                failure, found = error, error.__cause__
                new.id = found.id or new.id
                new.outputs = marked_like(found.outputs, new.inputs)
                new.init_errors = found.reasons
        yield
        if failure is not None:
            raise failure


def _mark_secrets(state: ResourceState) -> None:
    state.outputs = marked_outputs(state.outputs, state.inputs, state.additional_secret_outputs)
