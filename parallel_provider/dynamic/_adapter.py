"""Translates between the SDK's dictionaries and those of `calls`.

The SDK doesn't tell a provider the names of a resource, so programs send them among the inputs.
`default_NAME` is the resource's own name, sent for a name input that the program doesn't give. A
checked input has an empty text there, which Pulumi doesn't show. `resource_name` is the resource's
own name, sent by every top-up, and by other resources if their name input may be a secret.
`organization`, `project`, `stack` and `parent_types` are sent by every top-up.
"""

from __future__ import annotations

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

from parallel_provider.calls import Call, Calls, Process
from parallel_provider.dynamic import _process
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.declare import UNKNOWN, Unknown
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import ResourceNames

_RESOURCE_NAME = "resource_name"
_NAMES = ("organization", "project", "stack", "parent_types")


@functools.cache
def adapter_of(kind: str) -> Adapter:
    """Return the adapter of a kind of resource."""
    return Adapter(lifecycle_of(kind))


class Adapter:
    """One kind of resource, with the methods and types of the SDK's dynamic providers.

    `process` returns the process that a call belongs to: this one, unless another is given.
    """

    def __init__(
        self, lifecycle: Lifecycle[Any, Any], process: Callable[[], Process] = _process.process
    ) -> None:
        self._calls = Calls(lifecycle)
        self._process = process
        self._name_input = self._calls.name_input or ""
        self._default_name = f"default_{self._name_input}"

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check inputs. The names that the program sends stay among them."""
        call = self._call(news, olds)
        with call.reporting("checking"):
            checked = self._calls.check(
                call,
                self._without_names(olds),
                self._without_names(news),
                had_default_name=olds.get(self._default_name) is not None,
            )
        inputs = {**news, **checked.inputs}
        if checked.has_default_name:
            inputs[self._default_name] = ""
        # Without a property: the engine would print its value, even that of a secret.
        failures = [CheckFailure("", line) for line in checked.failures]
        return CheckResult(_replaced(inputs, Unknown, SDK_UNKNOWN), failures)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare outputs with inputs."""
        call = self._call(news, olds)
        with call.reporting("comparing"):
            diff, _ = self._calls.diff(call, olds, _replaced(news, SdkUnknown, UNKNOWN))
        # None: the engine compares the inputs itself.
        found_by_engine = diff.changed and diff.by_inputs and not diff.replaces
        return DiffResult(
            changes=None if found_by_engine else diff.changed, replaces=list(diff.replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create from inputs."""
        call = self._call(props)
        with call.reporting("creating"):
            resource_id, outputs = self._calls.create(call, props)
        return CreateResult(resource_id, _outputs(outputs, props))

    def read(self, resource_id: str, props: dict[str, Any]) -> ReadResult:
        """Read the present outputs. `.get` sends inputs alone."""
        call = self._call(props)
        with call.reporting("reading"):
            found = self._calls.read(call, resource_id, props)
        if found is None:
            # An empty id tells the engine that the resource doesn't exist any more.
            return ReadResult("", {})
        return ReadResult(resource_id, _outputs(found[0], props))

    def update(self, resource_id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Update in place."""
        call = self._call(news, olds)
        with call.reporting("updating"):
            outputs = self._calls.update(call, resource_id, olds, news)
        return UpdateResult(_outputs(outputs, news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Delete by outputs."""
        call = self._call(props)
        with call.reporting("deleting"):
            self._calls.delete(call, props)

    def _call(self, *props: Mapping[str, Any]) -> Call:
        """Describe a call. The first of `props` has the resource's names now."""
        news = props[0]
        given = {name: str(news[name]) for name in _NAMES if news.get(name)}
        default = news.get(self._default_name)
        names = ResourceNames(
            name=str(news.get(_RESOURCE_NAME) or ""),
            default_name=default if isinstance(default, str) else "",
            **given,
        )
        # Only a resource whose name input may be a secret has its own name beside it.
        may_be_secret = [each for each in props if each.get(_RESOURCE_NAME) is not None]
        secret_names = tuple(each.get(self._name_input) for each in may_be_secret)
        return Call(self._process(), self._subject(news), names, secret_names=secret_names)

    def _subject(self, props: Mapping[str, Any]) -> str:
        kind = self._calls.lifecycle.kind
        names = (props.get(n) for n in (_RESOURCE_NAME, self._name_input, self._default_name))
        shown = next((name for name in names if name is not None), None)
        return f"{kind} {shown!r}" if isinstance(shown, str) else kind

    def _without_names(self, props: Mapping[str, Any]) -> dict[str, Any]:
        names = (*_NAMES, _RESOURCE_NAME, self._default_name)
        known = {name: value for name, value in props.items() if name not in names}
        return {n: _replaced(value, SdkUnknown, UNKNOWN) for n, value in known.items()}


def _replaced(value: Any, unknown: type, by: object) -> Any:  # noqa: ANN401 - JSON-like
    """Return JSON-like data with another value for what is unknown."""
    if isinstance(value, dict):
        return {key: _replaced(item, unknown, by) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, unknown, by) for item in value]
    return by if isinstance(value, unknown) else value


def _outputs(outputs: Mapping[str, Any], props: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs without those that are None, which the engine would drop too.

    Later calls get the outputs alone, and messages need the resource's name.
    """
    own_name = {_RESOURCE_NAME: props.get(_RESOURCE_NAME)}
    return {n: value for n, value in (own_name | dict(outputs)).items() if value is not None}
