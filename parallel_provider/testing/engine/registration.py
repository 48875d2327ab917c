"""Turns what the program registers into steps, one registration after the other."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

from parallel_provider.testing.engine import decisions, urns
from parallel_provider.testing.engine.decisions import Diff, Fate, ProviderDiff
from parallel_provider.testing.engine.deployment import Deployment
from parallel_provider.testing.engine.errors import Cancelled, StepFailed
from parallel_provider.testing.engine.goals import Goal, ReadGoal
from parallel_provider.testing.engine.replacement import doomed_with
from parallel_provider.testing.engine.state import ResourceState
from parallel_provider.testing.engine.steps import Step, Steps
from parallel_provider.testing.engine.values import Properties, has_unknown


class Registrations:
    """Everything that the program has registered in this run."""

    def __init__(self, deployment: Deployment, steps: Steps) -> None:
        self.goals: dict[str, Goal] = {}
        self.operated: set[str] = set()  # names, old ones where they have a new one
        self.deleted_first: set[ResourceState] = set()
        self._deployment = deployment
        self._ledger = deployment.ledger
        self._steps = steps
        self._registered: set[str] = set()
        self._awaited: set[str] = set()  # deleted first, and not registered yet
        self._renamed: dict[str, str] = {}
        self._states: dict[str, ResourceState] = {}
        self._lock = threading.Lock()

    def register(self, goal: Goal) -> ResourceState:
        """Bring a resource to where the program wants it, and return what has become of it."""
        with self._lock:
            new, chain = self._decide(goal)
        self._run(chain)
        self.goals[new.urn] = goal
        self._states[new.urn] = new
        return new

    def give_outputs(self, urn: str, outputs: Properties) -> None:
        """Set the outputs of a component."""
        if urn not in self._states:
            text = f"cannot complete a resource '{urn}' whose registration isn't pending"
            raise StepFailed(urn, text)
        self._states[urn].outputs = outputs

    def finish(self, root_outputs: Properties | None) -> None:
        """Set the outputs of the stack; a run that failed takes none of the earlier ones away."""
        root = self._states.get(self._deployment.options.root)
        if root is None or root_outputs is None:
            return
        known = {key: value for key, value in root_outputs.items() if not has_unknown(value)}
        earlier = self._ledger.live.get(root.urn)
        if self._deployment.failed and earlier is not None:
            known = earlier.outputs | known
        root.outputs = known

    def read(self, goal: ReadGoal) -> ResourceState:
        """Look at a resource for the program."""
        with self._lock:
            urn = self._new_urn(goal.type, goal.name, goal.parent)
            old = self._ledger.live.get(urn)
            new = ResourceState(
                urn=urn,
                type=goal.type,
                custom=True,
                id=goal.id,
                inputs=goal.properties,
                parent=goal.parent,
                external=True,
                dependencies=goal.dependencies,
                provider=self._deployment.provider_reference(),
                additional_secret_outputs=goal.additional_secret_outputs,
            )
            if old is not None:
                new.created, new.modified = old.created, old.modified
            self.operated.add(urn)
        self._run([partial(self._steps.read, old, new)])
        return new

    def _run(self, chain: Sequence[Step]) -> None:
        with self._deployment.slot():
            for step in chain:
                step()

    def _decide(self, goal: Goal) -> tuple[ResourceState, list[Step]]:
        if self._deployment.cancelled.is_set():
            raise Cancelled
        urn = self._new_urn(goal.type, goal.name, goal.parent)
        old = self._find_old(urn, goal)
        new = _wanted(urn, goal)
        if old is not None:
            new.created, new.modified = old.created, old.modified
            new.aliases = [old.urn] if old.urn != urn else []
            self.operated.add(old.urn)
        self.operated.add(urn)
        recreating = urn in self._awaited
        if goal.custom:
            new.provider = self._deployment.provider_reference()
            fresh = recreating or old is None or old.external
            new.inputs = self._checked(goal, urn, None if fresh else old)
        if old is None:
            return new, [partial(self._steps.create, new)]
        if recreating:
            self._awaited.discard(urn)
            return new, [partial(self._steps.create_replacement, old, new, deleted=True)]
        if old.external:
            return new, [partial(self._steps.create_replacement, old, new)]
        return new, self._from_diff(goal, old, new)

    def _from_diff(self, goal: Goal, old: ResourceState, new: ResourceState) -> list[Step]:
        diff = self._diff(goal, old, new)
        fate = decisions.fate(old, diff)
        if fate is Fate.SAME:
            return [partial(self._steps.same, old, new)]
        if fate is Fate.UPDATE:
            return [partial(self._steps.update, old, new)]
        if new.protect and old.protect:
            self._protected(StepFailed(new.urn, _irreplaceable(new.urn), in_step=False))
        if goal.custom:
            new.inputs = self._checked(goal, new.urn, None)
        if not decisions.deletes_first(diff, goal.delete_before_replace):
            return [partial(self._steps.create_replacement, old, new)]
        return [
            *(partial(self._steps.delete_first, state) for state in self._doomed(old, new)),
            partial(self._steps.create_replacement, old, new, deleted=True),
        ]

    def _protected(self, error: StepFailed) -> None:
        """Refuse; a preview goes on, to show what it is about."""
        if not self._deployment.dry_run:
            raise error
        self._deployment.fail(error, fatal=False)
        self._deployment.step_failed = True

    def _doomed(self, old: ResourceState, new: ResourceState) -> list[ResourceState]:
        """List what has to be deleted before a resource is made anew, last of all its old self."""
        ignored = self._registered
        doomed = doomed_with(old, self._ledger.before, self._deployment, ignored=ignored)
        doomed = [state for state in reversed(doomed) if state not in self.deleted_first]
        for state in doomed:
            if state.protect:
                text = _irreplaceable(state.urn, because_of=new.urn)
                raise StepFailed(new.urn, text, in_step=False)
        self._awaited.update(state.urn for state in doomed)
        if not old.pending_replacement:
            doomed.append(old)
        self.deleted_first.update(doomed)
        return doomed

    def _diff(self, goal: Goal, old: ResourceState, new: ResourceState) -> Diff:
        if goal.custom:
            answer = self._deployment.asked(
                new.urn,
                lambda: self._deployment.provider().diff(
                    new.urn,
                    old.id,
                    old_inputs=old.inputs,
                    old_outputs=old.outputs,
                    new_inputs=new.inputs,
                    ignore_changes=goal.ignore_changes,
                ),
                in_step=False,
            )
        else:
            answer = ProviderDiff(changes=old.inputs != new.inputs)
        return decisions.judged(
            answer,
            old_inputs=old.inputs,
            new_inputs=new.inputs,
            ignore_changes=goal.ignore_changes,
            replace_on_changes=goal.replace_on_changes,
        )

    def _checked(self, goal: Goal, urn: str, old: ResourceState | None) -> Properties:
        olds = old.inputs if old is not None else {}
        news = goal.properties
        if old is not None:
            news = decisions.ignoring(news, olds, goal.ignore_changes)
        checked = self._deployment.asked(
            urn, lambda: self._deployment.provider().check(urn, olds, news), in_step=False
        )
        for property_, reason in checked.failures:
            self._deployment.display.error(
                decisions.check_failure(goal.type, goal.name, news, property_, reason), urn
            )
        if checked.failures:
            self._deployment.failed = True
            self._deployment.cancel()
            raise Cancelled
        return checked.inputs

    def _find_old(self, urn: str, goal: Goal) -> ResourceState | None:
        if urn in self._ledger.live:
            return self._ledger.live[urn]
        names = urns.earlier_names(
            self._deployment.options.space,
            name=goal.name,
            type_=goal.type,
            parent=goal.parent,
            aliases=goal.aliases,
            renamed=self._renamed,
        )
        for name in names:
            old = self._ledger.live.get(name)
            if old is None or name == urn:
                continue
            if name in self._registered:
                raise StepFailed(
                    urn,
                    f"Duplicate resource alias '{name}' applied to resource with URN '{urn}' "
                    f"conflicting with resource with URN '{name}'",
                    in_step=False,
                )
            self._renamed[urn] = name
            return old
        return None

    def _new_urn(self, type_: str, name: str, parent: str) -> str:
        urn = self._deployment.options.space.urn(type_, name, parent)
        if urn in self._registered:
            text = f"Duplicate resource URN '{urn}'; try giving it a unique name"
            raise StepFailed(urn, text, in_step=False)
        if parent and parent not in self._registered:
            raise StepFailed(urn, f"could not find parent resource {parent}")
        self._registered.add(urn)
        return urn


def _wanted(urn: str, goal: Goal) -> ResourceState:
    return ResourceState(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=goal.properties,
        parent=goal.parent,
        protect=bool(goal.protect),
        dependencies=goal.dependencies,
        property_dependencies=goal.property_dependencies,
        additional_secret_outputs=goal.additional_secret_outputs,
        custom_timeouts=goal.custom_timeouts,
        retain_on_delete=bool(goal.retain_on_delete),
        ignore_changes=goal.ignore_changes,
        replace_on_changes=goal.replace_on_changes,
    )


def _irreplaceable(urn: str, because_of: str = "") -> str:
    part = f' as part of replacing "{because_of}" ' if because_of else "\n"
    text = (
        f'unable to replace resource "{urn}"{part}'
        "as it is currently marked for protection. To unprotect the resource, "
        "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
    )
    if because_of:
        text += f", or use the command:\n`pulumi state unprotect '{urn}'`"
    return text
