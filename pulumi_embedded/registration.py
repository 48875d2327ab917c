"""Turn the registrations of the program into steps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pulumi_embedded import diffs, stack_references, urns
from pulumi_embedded.comparison import Comparison
from pulumi_embedded.default_providers import DefaultProviders
from pulumi_embedded.deletion import dependents_to_delete
from pulumi_embedded.deployment import Deployment
from pulumi_embedded.desired import DesiredRead, DesiredResource
from pulumi_embedded.diffs import StepOp
from pulumi_embedded.display import protected_from_replacement
from pulumi_embedded.errors import Cancelled, StepFailed
from pulumi_embedded.imports import Imports, is_import
from pulumi_embedded.packages import BUILT_IN, PACKAGE, PackageRequest
from pulumi_embedded.random_order import RandomOrderLock
from pulumi_embedded.state import ResourceState
from pulumi_embedded.steps import Step, Steps
from pulumi_embedded.values import Properties, has_unknown


class Registrations:
    """All registrations of one run of the program."""

    def __init__(self, deployment: Deployment, steps: Steps) -> None:
        self.desired: dict[str, DesiredResource] = {}
        # URNs that were registered or read, and the old URNs of renamed resources.
        self.wanted: set[str] = set()
        self.deleted_before_replace: set[ResourceState] = set()
        self._deployment = deployment
        self._snapshots = deployment.snapshots
        self._steps = steps
        self._comparison = Comparison(deployment)
        self._imports = Imports(deployment, steps)
        self._defaults = DefaultProviders(deployment, self.register)
        self._registered: set[str] = set()
        self._to_recreate: set[str] = set()  # deleted before replacement, and not yet registered
        self._renamed: dict[str, str] = {}
        self._aliased: dict[str, str] = {}  # old URN -> URN of the resource that took it over
        self._states: dict[str, ResourceState] = {}
        self._lock = RandomOrderLock()
        self._done: set[str] = set()
        self._done_before_failure: set[str] | None = None

    def register(self, desired: DesiredResource) -> ResourceState:
        """Create, update, replace or keep a resource. Return its new state."""
        provider = self._provider_of(desired) if desired.custom else ""
        with self._lock:
            self._stop_after_failure({*desired.dependencies, desired.parent})
            new, steps = self._decide(desired, provider)
        self._run(new.urn, steps)
        self.desired[new.urn] = desired
        self._states[new.urn] = new
        return new

    def default_provider(self, request: PackageRequest) -> str:
        """Return the reference to a default provider. It is registered when it is first needed."""
        if request.package == PACKAGE:
            return self._deployment.provider_reference()
        if request.package == BUILT_IN:
            with self._lock:
                space = self._deployment.options.space
                return stack_references.provider_reference(self._snapshots, space)
        return self._defaults.reference(request)

    def _provider_of(self, desired: DesiredResource | DesiredRead) -> str:
        if desired.provider or desired.type.startswith(urns.PROVIDER_PREFIX):
            return desired.provider
        return self.default_provider(desired.request)

    def give_outputs(self, urn: str, outputs: Properties) -> None:
        """Set the outputs of a component."""
        if urn not in self._states:
            text = f"cannot complete a resource '{urn}' whose registration isn't pending"
            raise StepFailed(urn, text)
        self._states[urn].outputs = outputs

    def finish(self, root_outputs: Properties | None) -> None:
        """Set the outputs of the stack. After a failure, earlier outputs are kept."""
        root = self._states.get(self._deployment.options.root)
        if root is None or root_outputs is None:
            return
        known = {key: value for key, value in root_outputs.items() if not has_unknown(value)}
        earlier = self._snapshots.live.get(root.urn)
        if self._deployment.failed and earlier is not None:
            known = earlier.outputs | known
        root.outputs = known

    def read(self, desired: DesiredRead) -> ResourceState:
        """Read a resource that the stack doesn't manage."""
        provider = self._provider_of(desired)
        with self._lock:
            self._stop_after_failure({*desired.dependencies, desired.parent})
            urn = self._new_urn(desired.type, desired.name, desired.parent)
            old = self._snapshots.live.get(urn)
            new = ResourceState(
                urn=urn,
                type=desired.type,
                custom=True,
                id=desired.id,
                inputs=desired.properties,
                parent=desired.parent,
                external=True,
                dependencies=desired.dependencies,
                provider=provider,
                additional_secret_outputs=desired.additional_secret_outputs,
            )
            if old is not None:
                new.created, new.modified = old.created, old.modified
            self.wanted.add(urn)
        self._run(urn, [partial(self._steps.read, old, new)])
        return new

    def _run(self, urn: str, steps: Sequence[Step]) -> None:
        try:
            with self._deployment.slot():
                for step in steps:
                    step()
        except StepFailed:
            with self._lock:
                if self._done_before_failure is None:
                    self._done_before_failure = set(self._done)
            raise
        with self._lock:
            self._done.add(urn)

    def _stop_after_failure(self, dependencies: set[str]) -> None:
        """Raise `Cancelled` if a step failed before all dependencies were done."""
        if self._deployment.cancelled.is_set():
            raise Cancelled
        done = self._done_before_failure
        if done is not None and dependencies - done - {""}:
            raise Cancelled

    def _decide(self, desired: DesiredResource, provider: str) -> tuple[ResourceState, list[Step]]:
        urn = self._new_urn(desired.type, desired.name, desired.parent)
        old, conflict = self._find_old(urn, desired)
        new = _new_state(urn, desired)
        if old is not None:
            new.created, new.modified = old.created, old.modified
            new.old_urn = old.urn if old.urn != urn else ""
            self.wanted.add(old.urn)
        self.wanted.add(urn)
        recreate = urn in self._to_recreate
        new.provider = provider
        if is_import(desired, old) and not conflict:
            return new, [partial(self._import, desired, new, None if recreate else old)]
        if desired.custom:
            fresh = recreate or old is None or old.external
            new.inputs = self._comparison.checked(desired, new, None if fresh else old)
        if conflict:
            self._deployment.failed = True
            self._deployment.cancel()
            raise Cancelled
        if old is None:
            return new, [partial(self._steps.create, new)]
        if recreate:
            self._to_recreate.discard(urn)
            return new, [partial(self._steps.create_replacement, old, new, deleted=True)]
        if old.external:
            return new, [partial(self._steps.create_replacement, old, new)]
        return new, self._from_diff(desired, old, new)

    def _import(
        self, desired: DesiredResource, new: ResourceState, old: ResourceState | None
    ) -> None:
        """Import a resource, and update it if the program's inputs differ from what was found."""
        imported = self._imports.read(new, replaces=old)
        new.inputs = self._comparison.checked(desired, new, imported)
        diff = self._comparison.diff(desired, imported, new)
        self._imports.continue_with(new, imported, diff)

    def _from_diff(
        self, desired: DesiredResource, old: ResourceState, new: ResourceState
    ) -> list[Step]:
        diff = self._comparison.diff(desired, old, new)
        op = diffs.step_op(old, diff)
        if op is StepOp.SAME:
            return [partial(self._steps.same, old, new)]
        if op is StepOp.UPDATE:
            return [partial(self._steps.update, old, new)]
        if new.protect and old.protect:
            self._refuse_replacement(new.urn)
        if desired.custom:
            new.inputs = self._comparison.checked(desired, new, None)
        if not diffs.deletes_first(diff, desired.delete_before_replace):
            return [partial(self._steps.create_replacement, old, new)]
        return [
            *(
                partial(self._steps.delete_before_replace, state)
                for state in self._to_delete_first(old, new)
            ),
            partial(self._steps.create_replacement, old, new, deleted=True),
        ]

    def _refuse_replacement(self, urn: str) -> None:
        """Fail because of `protect`. A preview goes on, to show the other changes."""
        error = StepFailed(urn, protected_from_replacement(urn), in_step=False)
        if not self._deployment.dry_run:
            raise error
        self._deployment.fail(error, fatal=False)
        self._deployment.step_failed = True

    def _to_delete_first(self, old: ResourceState, new: ResourceState) -> list[ResourceState]:
        """List the resources to delete before a replacement is created. The old one is the last."""
        ignored = self._registered | {state.urn for state in self.deleted_before_replace}
        to_delete = dependents_to_delete(
            old, self._snapshots.before, self._deployment, ignored=ignored
        )
        to_delete.reverse()
        for state in to_delete:
            if state.protect:
                text = protected_from_replacement(state.urn, because_of=new.urn)
                raise StepFailed(new.urn, text, in_step=False)
        self._to_recreate.update(state.urn for state in to_delete)
        if not old.pending_replacement:
            to_delete.append(old)
        self.deleted_before_replace.update(to_delete)
        return to_delete

    def _find_old(self, urn: str, desired: DesiredResource) -> tuple[ResourceState | None, bool]:
        """Find the resource by its URN or its aliases. Report aliases that conflict."""
        conflict = False
        if urn in self._aliased:
            conflict = True
            text = "Duplicate resource URN '{}' conflicting with alias on resource with URN '{}'"
            self._deployment.display.error(text.format(urn, self._aliased[urn]), urn)
        if urn in self._snapshots.live:
            return self._snapshots.live[urn], conflict
        old_urns = urns.alias_urns(
            self._deployment.options.space,
            name=desired.name,
            type_=desired.type,
            parent=desired.parent,
            aliases=desired.aliases,
            renamed=self._renamed,
        )
        found = next((old for old in old_urns if old in self._snapshots.live and old != urn), None)
        if found is None:
            return None, conflict
        taken_by = urn if found in self._registered else self._aliased.get(found)
        if taken_by is not None:
            conflict = True
            text = (
                f"Duplicate resource alias '{found}' applied to resource with URN '{urn}' "
                f"conflicting with resource with URN '{taken_by}'"
            )
            self._deployment.display.error(text, urn)
        self._aliased[found] = urn
        self._renamed[urn] = found
        return self._snapshots.live[found], conflict

    def _new_urn(self, type_: str, name: str, parent: str) -> str:
        urn = self._deployment.options.space.urn(type_, name, parent)
        if urn in self._registered:
            text = f"Duplicate resource URN '{urn}'; try giving it a unique name"
            raise StepFailed(urn, text, in_step=False)
        if parent and parent not in self._registered:
            raise StepFailed(urn, f"could not find parent resource {parent}")
        self._registered.add(urn)
        return urn


def _new_state(urn: str, desired: DesiredResource) -> ResourceState:
    return ResourceState(
        urn=urn,
        type=desired.type,
        custom=desired.custom,
        inputs=desired.properties,
        parent=desired.parent,
        protect=bool(desired.protect),
        dependencies=desired.dependencies,
        property_dependencies=desired.property_dependencies,
        additional_secret_outputs=desired.additional_secret_outputs,
        custom_timeouts=desired.custom_timeouts,
        retain_on_delete=bool(desired.retain_on_delete),
        ignore_changes=desired.ignore_changes,
        replace_on_changes=desired.replace_on_changes,
        hide_diff=desired.hide_diff,
        import_id=desired.import_id,
    )
