"""Hooks: functions of the program that run before and after steps, and after failed calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import callback_pb2, resource_pb2

from pulumi_embedded import values
from pulumi_embedded.callbacks import CallbackError, Callbacks
from pulumi_embedded.errors import EngineError, StepFailed
from pulumi_embedded.provider import ProviderError
from pulumi_embedded.state import ResourceState
from pulumi_embedded.urns import name_of

StepName = Literal["Create", "Update", "Delete"]
_ON_ERROR: Final = "OnError"
_MAX_FAILURES: Final = 100
# name in a registration → name in a state
_KINDS: Final = {
    "before_create": "BeforeCreate",
    "after_create": "AfterCreate",
    "before_update": "BeforeUpdate",
    "after_update": "AfterUpdate",
    "before_delete": "BeforeDelete",
    "after_delete": "AfterDelete",
    "on_error": _ON_ERROR,
}
_Result = TypeVar("_Result")
Warn = Callable[[str, str], object]  # text, URN


class HookRefused(EngineError):  # noqa: N818
    """A hook can't be registered."""


def hook_names(binding: Message) -> dict[str, list[str]]:
    """Read the names of a resource's hooks from its registration, by kind."""
    return {
        kind: list(getattr(binding, name))
        for name, kind in _KINDS.items()
        # Older SDKs don't have all of these fields.
        if getattr(binding, name, None)
    }


@dataclass(frozen=True)
class _Hook:
    callback: callback_pb2.Callback
    on_dry_run: bool = True
    ignore_errors: bool = False


class Hooks:
    """The hooks that one run of a program registers.

    A step has a new resource, an old resource, or both.
    """

    def __init__(self, callbacks: Callbacks, warn: Warn, *, dry_run: bool) -> None:
        self._callbacks = callbacks
        self._warn = warn
        self._dry_run = dry_run
        self._lock = threading.Lock()
        self._hooks: dict[str, _Hook] = {}

    def register(self, request: resource_pb2.RegisterResourceHookRequest) -> None:
        """Add a hook of steps."""
        # Older SDKs don't have the last of these fields.
        ignore_errors = bool(getattr(request, "ignore_errors", False))
        self._add(request.name, _Hook(request.callback, request.on_dry_run, ignore_errors))

    def register_error_hook(self, request: resource_pb2.RegisterErrorHookRequest) -> None:
        """Add a hook of failed calls."""
        self._add(request.name, _Hook(request.callback))

    def before(
        self, step: StepName, *, new: ResourceState | None = None, old: ResourceState | None = None
    ) -> None:
        """Run the hooks before a step. Raises `StepFailed` for the first that fails."""
        for name, problem in self._problems(f"Before{step}", new, old, with_outputs=False):
            raise StepFailed(of_step(new, old).urn, f'before hook "{name}" failed: {problem}')

    def after(
        self, step: StepName, *, new: ResourceState | None = None, old: ResourceState | None = None
    ) -> None:
        """Run the hooks after a step. Raises `StepFailed` for the first that fails."""
        for name, problem in self._problems(f"After{step}", new, old, with_outputs=True):
            raise StepFailed(of_step(new, old).urn, f'after hook "{name}" failed: {problem}')

    def with_retries(
        self,
        step: StepName,
        call: Callable[[], _Result],
        *,
        new: ResourceState | None = None,
        old: ResourceState | None = None,
    ) -> _Result:
        """Call a provider. After a failure, the resource's hooks decide whether to call again."""
        state, failures = of_step(new, old), list[str]()
        while True:
            try:
                return call()
            except ProviderError as error:
                failures.insert(0, str(error))
                if len(failures) >= _MAX_FAILURES:
                    text = f"maximum number of error hook retries ({_MAX_FAILURES}) reached"
                    self._warn(text, state.urn)
                    raise ProviderError("maximum number of error hook retries reached") from None
                if not self._wants_retry(step, failures, new, old):
                    raise
            text = f"retrying {step.lower()} due to on-error hook request"
            self._warn(f"{text} ({len(failures)}/{_MAX_FAILURES})", state.urn)

    def _problems(
        self,
        kind: str,
        new: ResourceState | None,
        old: ResourceState | None,
        *,
        with_outputs: bool,
    ) -> Iterator[tuple[str, str]]:
        """Run the hooks of one kind, one after the other. Yield those that fail."""
        state = of_step(new, old)
        for name in state.resource_hooks.get(kind, ()):
            hook = self._hooks.get(name)
            if hook is None:
                raise StepFailed(state.urn, f'hook "{name}" was not registered')
            if self._dry_run and not hook.on_dry_run:
                continue
            request = resource_pb2.ResourceHookRequest(
                urn=state.urn,
                id=state.id,
                name=name_of(state.urn),
                type=state.type,
                new_inputs=_wire(new.inputs) if new else None,
                old_inputs=_wire(old.inputs) if old else None,
                new_outputs=_wire(new.outputs) if new and with_outputs else None,
                old_outputs=_wire(old.outputs) if old else None,
            )
            try:
                answer = self._callbacks.call(
                    hook.callback, request, resource_pb2.ResourceHookResponse
                )
                problem = answer.error
            except CallbackError as error:
                problem = str(error)
            if problem and hook.ignore_errors:
                self._warn(f'{kind} hook "{name}" failed: {problem}', state.urn)
            elif problem:
                yield name, problem

    def _wants_retry(
        self,
        step: StepName,
        failures: list[str],
        new: ResourceState | None,
        old: ResourceState | None,
    ) -> bool:
        state, retry = of_step(new, old), False
        for name in state.resource_hooks.get(_ON_ERROR, ()):
            hook = self._hooks.get(name)
            if hook is None:
                text = f'error hooks execution failed: error hook "{name}" was not registered'
                raise ProviderError(text)
            request = resource_pb2.ErrorHookRequest(
                urn=state.urn,
                id=state.id,
                name=name_of(state.urn),
                type=state.type,
                new_inputs=_wire(new.inputs) if new else None,
                old_inputs=_wire(old.inputs) if old else None,
                old_outputs=_wire(old.outputs) if old else None,
                failed_operation=step.lower(),
                errors=failures,
            )
            try:
                answer = self._callbacks.call(
                    hook.callback, request, resource_pb2.ErrorHookResponse
                )
                problem = answer.error
            except CallbackError as error:
                problem = str(error)
            if problem:
                text = f'error hooks execution failed: error hook "{name}" failed: {problem}'
                raise ProviderError(text)
            retry = retry or answer.retry
        return retry

    def _add(self, name: str, hook: _Hook) -> None:
        if not name:
            raise HookRefused("resource hook name cannot be empty")
        with self._lock:
            if name in self._hooks:
                raise HookRefused(f'resource hook already registered for name "{name}"')
            self._hooks[name] = hook


def of_step(new: ResourceState | None, old: ResourceState | None) -> ResourceState:
    """Return the resource of a step: the new one, or the old one if the step only deletes."""
    state = new or old
    if state is None:
        raise ValueError("a step has a new or an old resource")
    return state


def _wire(properties: values.Properties) -> Struct:
    return values.to_wire(properties, secrets=True)
