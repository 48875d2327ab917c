"""Translates between the SDK's dictionaries and the lifecycle's typed values."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from typing import Any

from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import UNKNOWN as SDK_UNKNOWN
from pulumi.output import Unknown as SdkUnknown
from pydantic import ValidationError

from parallel_provider.dynamic import _process
from parallel_provider.dynamic._names import (
    RESOURCE_NAME,
    names_in,
    names_to_keep,
    without_names,
)
from parallel_provider.dynamic._reporting import reporting, subject_of
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.declarations import Inputs, State
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.unknown import UNKNOWN, Unknown
from parallel_provider.model import plain, why
from parallel_provider.printable import field_name, line_for_user
from parallel_provider.sendable import require_sendable


@functools.cache
def adapter_of(kind: str) -> Adapter:
    """Return the adapter of a kind of resource."""
    return Adapter(lifecycle_of(kind))


class Adapter:
    """One kind of resource, with the methods and types of the SDK's dynamic providers.

    `run` returns the run that a call belongs to. It is this process's run, unless another is given.
    """

    def __init__(
        self, lifecycle: Lifecycle[Any, Any], run: Callable[[], Run] = _process.run
    ) -> None:
        self._lifecycle = lifecycle
        self._run = run

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check inputs."""
        kind = self._lifecycle.inputs_type
        with self._reporting("checking", news, olds), self._creating(news, is_new=not olds):
            olds, news = _from_sdk(olds), _from_sdk(news)
            context = self._context(news, olds)
            checked = self._lifecycle.check(
                context, without_names(kind, olds), without_names(kind, news)
            )
            if checked.problems and not olds:
                context.run.claims.note_failed_creation(context.subject)
        # Without a property: the engine would print its value, even that of a secret.
        failures = [CheckFailure("", line_for_user(problem.text)) for problem in checked.problems]
        return CheckResult(_to_sdk({**checked.inputs, **names_to_keep(kind, news)}), failures)

    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare outputs with inputs."""
        with self._reporting("comparing", news, olds):
            inputs = _from_sdk(news)
            diff = self._lifecycle.diff(self._context(inputs), self._state(olds), inputs)
        # None: the engine compares the inputs itself.
        found_by_engine = diff.changed and diff.by_inputs and not diff.replaces
        return DiffResult(
            changes=None if found_by_engine else diff.changed, replaces=list(diff.replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create from inputs."""
        with self._reporting("creating", props), self._creating(props):
            state = self._lifecycle.create(self._context(props), self._inputs(props))
        return CreateResult(state.resource_id, _outputs(state, props))

    def read(self, resource_id: str, props: dict[str, Any]) -> ReadResult:
        """Read the present outputs. `.get` sends inputs alone: look the resource up by its id."""
        with self._reporting("reading", props):
            state: State | None
            if self._lifecycle.created_marker in props:
                state = self._lifecycle.read(self._context(props), self._state(props))
            else:
                with self._creating(props):
                    state = self._lifecycle.look_up(self._context(props), resource_id)
        # An empty id tells the engine that the resource doesn't exist any more.
        return ReadResult(resource_id, _outputs(state, props)) if state else ReadResult("", {})

    def update(self, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Update in place."""
        with self._reporting("updating", news, olds):
            state = self._lifecycle.update(
                self._context(news), self._state(olds), self._inputs(news)
            )
        return UpdateResult(_outputs(state, news))

    def delete(self, props: dict[str, Any]) -> None:
        """Delete by outputs."""
        with self._reporting("deleting", props):
            self._lifecycle.delete(self._context(props), self._state(props))

    def _context(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> Context:
        names = names_in(self._lifecycle.inputs_type, news, olds or {})
        return Context(self._run(), names, subject=subject_of(self._lifecycle, news))

    def _creating(
        self, props: dict[str, Any], *, is_new: bool = True
    ) -> contextlib.AbstractContextManager[None]:
        if not is_new:
            return contextlib.nullcontext()
        return self._run().claims.creating(subject_of(self._lifecycle, props))

    def _inputs(self, props: dict[str, Any]) -> Inputs:
        try:
            inputs: Inputs = self._lifecycle.inputs_type.model_validate(props)
        except ValidationError as error:
            raise LifecycleError(f"its inputs can't be used: {why(error, field_name)}") from None
        return inputs

    def _state(self, props: dict[str, Any]) -> State:
        try:
            state: State = self._lifecycle.state_type.model_validate(props)
        except ValidationError as error:
            raise LifecycleError(
                "its outputs in the stack's state aren't as this provider writes them "
                f"({why(error, field_name)}): correct them, or restore an earlier state, with "
                "`pulumi stack export` and `pulumi stack import`"
            ) from None
        return state

    def _reporting(
        self, doing: str, *props: dict[str, Any]
    ) -> contextlib.AbstractContextManager[None]:
        return reporting(self._lifecycle, self._run, doing, *props)


def _from_sdk(props: dict[str, Any]) -> dict[str, Any]:
    return _replaced(props, lambda value: UNKNOWN if isinstance(value, SdkUnknown) else value)


def _to_sdk(props: dict[str, Any]) -> dict[str, Any]:
    return _replaced(props, lambda value: SDK_UNKNOWN if isinstance(value, Unknown) else value)


def _replaced(props: dict[str, Any], leaf: Callable[[object], object]) -> dict[str, Any]:
    """Replace the leaves of a JSON-like dictionary."""

    def walk(value: object) -> object:
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        return leaf(value)

    return {key: walk(value) for key, value in props.items()}


def _outputs(state: State, props: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state as outputs, without those that are None. The engine would drop them too."""
    outputs = {name: value for name, value in plain(state).items() if value is not None}
    if props.get(RESOURCE_NAME) is not None:
        # Later calls get the outputs alone, and `reporting` needs the name.
        outputs.setdefault(RESOURCE_NAME, props[RESOURCE_NAME])
    require_sendable(outputs)
    return outputs
