"""Between the SDK's dictionaries and the lifecycle's typed values, for any kind of resource."""

from __future__ import annotations

import contextlib
import functools
import importlib
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

from parallel_provider.dynamic import _session
from parallel_provider.dynamic._reporting import RESOURCE_NAME, reporting
from parallel_provider.lifecycle.resource import UNKNOWN, Lifecycle, Model, State, Unknown
from parallel_provider.lifecycle.run import Run
from parallel_provider.typed import read_as, reveal

_MODULES = {
    "App": "app",
    "ApiKey": "api_key",
    "RotatingApiKey": "rotating_api_key",
    "BalanceTopUp": "balance_top_up",
}


@functools.cache
def adapter_of(kind: str) -> Adapter:
    """Return the adapter of a kind of resource."""
    return Adapter(lifecycle_of(kind))


def lifecycle_of(kind: str) -> Lifecycle[Any, Any]:
    """Return the lifecycle of a kind of resource; most programs need one or two of them."""
    module = importlib.import_module(f"parallel_provider.lifecycle.{_MODULES[kind]}")
    lifecycle: Lifecycle[Any, Any] = getattr(module, f"{kind}Lifecycle")()
    return lifecycle


class Adapter:
    """One kind of resource, spoken to as the SDK speaks to a dynamic provider.

    `run` returns the run that a call belongs to: that of this process, unless told otherwise.
    """

    def __init__(
        self, lifecycle: Lifecycle[Any, Any], run: Callable[[], Run] = _session.run
    ) -> None:
        self._lifecycle = lifecycle
        self._run = run

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check inputs."""
        with self._reporting("checking", news, olds):
            checked = self._lifecycle.check(self._run(), _from_sdk(olds), _from_sdk(news))
        # Without a property: the engine would print its value, also that of a secret.
        failures = [
            CheckFailure("", f"{problem.input} {problem.reason}") for problem in checked.problems
        ]
        return CheckResult(_to_sdk(checked.inputs), failures)

    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare outputs with inputs."""
        with self._reporting("comparing", news, olds):
            diff = self._lifecycle.diff(self._run(), self._state(olds), _from_sdk(news))
        # None leaves the comparison of the inputs to the engine.
        found_by_engine = diff.changed and diff.by_inputs and not diff.replaces
        return DiffResult(
            changes=None if found_by_engine else diff.changed, replaces=list(diff.replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create from inputs."""
        with self._reporting("creating", props):
            state = self._lifecycle.create(self._run(), self._inputs(props))
        return CreateResult(state.resource_id, _outputs(state, props))

    def read(self, resource_id: str, props: dict[str, Any]) -> ReadResult:
        """Refresh outputs; without any, as `.get` sends none, look a resource up by its id."""
        with self._reporting("reading", props):
            run = self._run()
            state: State | None
            if self._lifecycle.known_by in props:
                state = self._lifecycle.read(run, self._state(props))
            else:
                state = self._lifecycle.look_up(run, resource_id)
        # An empty id tells the engine that the resource is gone.
        return ReadResult(resource_id, _outputs(state, props)) if state else ReadResult("", {})

    def update(self, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Update in place."""
        with self._reporting("updating", news, olds):
            state = self._lifecycle.update(self._run(), self._state(olds), self._inputs(news))
        return UpdateResult(_outputs(state, news))

    def delete(self, props: dict[str, Any]) -> None:
        """Delete by outputs."""
        with self._reporting("deleting", props):
            self._lifecycle.delete(self._run(), self._state(props))

    def _inputs(self, props: dict[str, Any]) -> Model:
        inputs: Model = read_as(self._lifecycle.inputs_type, props)
        return inputs

    def _state(self, props: dict[str, Any]) -> State:
        state: State = read_as(self._lifecycle.state_type, props)
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
    """Return the state as outputs; what is None is left out, as it would be by the engine."""
    outputs = {name: value for name, value in reveal(state).items() if value is not None}
    if props.get(RESOURCE_NAME) is not None:
        # `reporting` needs it in later calls, which get the outputs alone.
        outputs.setdefault(RESOURCE_NAME, props[RESOURCE_NAME])
    return outputs
