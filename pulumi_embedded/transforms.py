"""Transforms: functions of the program that change resources before they are registered.

As in Pulumi's engine, the transforms of the resource itself come first, then those of its parents,
then those of the stack. A transform of the resource itself sees which properties depend on which
resources, and its result says which dependencies are left.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final

from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import alias_pb2, callback_pb2, resource_pb2

from pulumi_embedded import output_values, values
from pulumi_embedded.callbacks import CallbackError, Callbacks
from pulumi_embedded.desired import DesiredResource
from pulumi_embedded.errors import StepFailed

# field of the options → field of a registration
_SAME_VALUES: Final = {
    "import": "importId",
    "version": "version",
    "plugin_download_url": "pluginDownloadURL",
    "deleted_with": "deletedWith",
    "provider": "provider",
}
_SAME_LISTS: Final = {
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "additional_secret_outputs": "additionalSecretOutputs",
    "hide_diff": "hideDiffs",
    "replace_with": "replace_with",
}
_SAME_MESSAGES: Final = {
    "custom_timeouts": "customTimeouts",
    "hooks": "hooks",
    "replacement_trigger": "replacement_trigger",
}
_Request = resource_pb2.RegisterResourceRequest
_Options = resource_pb2.TransformResourceOptions


class Transforms:
    """The transforms that one run of a program registers."""

    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._lock = threading.Lock()
        self._of_stack: list[callback_pb2.Callback] = []
        self._of_resources: dict[str, tuple[list[callback_pb2.Callback], str]] = {}  # and parent
        self._of_invokes: list[callback_pb2.Callback] = []

    def add_to_stack(self, callback: callback_pb2.Callback) -> None:
        """Add a transform of all resources."""
        with self._lock:
            self._of_stack.append(callback)

    def add_to_invokes(self, callback: callback_pb2.Callback) -> None:
        """Add a transform of all calls of functions."""
        with self._lock:
            self._of_invokes.append(callback)

    def remember(self, urn: str, request: _Request) -> None:
        """Remember a resource's transforms, which its children inherit."""
        with self._lock:
            self._of_resources[urn] = (list(request.transforms), request.parent)

    def apply(self, request: _Request, parents: Mapping[str, DesiredResource]) -> _Request:
        """Return the registration as its transforms change it."""
        own = list(request.transforms)
        callbacks = [*own, *self._inherited(request.parent)]
        if not callbacks:
            return request
        properties = _properties(request, with_dependencies=bool(own))
        options = _options(request, parents.get(request.parent))
        for callback in callbacks:
            asked = resource_pb2.TransformRequest(
                type=request.type,
                name=request.name,
                custom=request.custom,
                parent=request.parent,
                properties=properties,
                options=options,
            )
            try:
                answer = self._callbacks.call(callback, asked, resource_pb2.TransformResponse)
            except CallbackError as error:
                # Pulumi's engine adds no resource to this error.
                raise StepFailed("", f"invoke transform: {error}", in_step=False) from None
            if answer.HasField("properties"):
                properties = answer.properties
            if answer.HasField("options"):
                options = answer.options
        return _transformed(request, properties, options, with_dependencies=bool(own))

    def apply_to_invoke(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeRequest:
        """Return a call of a function as its transforms change it."""
        with self._lock:
            callbacks = list(self._of_invokes)
        changed = resource_pb2.ResourceInvokeRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            options = resource_pb2.TransformInvokeOptions(
                provider=changed.provider,
                plugin_download_url=changed.pluginDownloadURL,
                version=changed.version,
            )
            asked = resource_pb2.TransformInvokeRequest(
                token=changed.tok, args=changed.args, options=options
            )
            try:
                answer = self._callbacks.call(callback, asked, resource_pb2.TransformInvokeResponse)
            except CallbackError as error:
                raise StepFailed("", f"invoke transform: {error}", in_step=False) from None
            if answer.HasField("args"):
                changed.args.CopyFrom(answer.args)
            if answer.HasField("options"):
                changed.provider = answer.options.provider
                changed.pluginDownloadURL = answer.options.plugin_download_url
                changed.version = answer.options.version
        return changed

    def _inherited(self, parent: str) -> list[callback_pb2.Callback]:
        found: list[callback_pb2.Callback] = []
        with self._lock:
            while parent:
                callbacks, parent = self._of_resources.get(parent, ([], ""))
                found += callbacks
            return [*found, *self._of_stack]


def _options(request: _Request, parent: DesiredResource | None) -> _Options:
    options = _Options()
    # What isn't set is inherited before the transforms see it.
    protect = parent.protect if parent else None
    if request.HasField("protect"):
        protect = request.protect
    retain = parent.retain_on_delete if parent else None
    if request.HasField("retainOnDelete"):
        retain = request.retainOnDelete
    if protect is not None:
        options.protect = protect
    if retain is not None:
        options.retain_on_delete = retain
    if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace:
        options.delete_before_replace = request.deleteBeforeReplace
    for ours, theirs in _SAME_VALUES.items():
        setattr(options, ours, getattr(request, theirs))
    for ours, theirs in _SAME_LISTS.items():
        _copy_list(request, theirs, options, ours)
    for ours, theirs in _SAME_MESSAGES.items():
        _copy_message(request, theirs, options, ours)
    options.providers.update(request.providers)
    options.aliases.extend(alias_pb2.Alias(urn=urn) for urn in request.aliasURNs)
    options.aliases.extend(request.aliases)
    return options


def _transformed(
    request: _Request, properties: Struct, options: _Options, *, with_dependencies: bool
) -> _Request:
    changed = _Request()
    changed.CopyFrom(request)
    for ours, theirs in _SAME_VALUES.items():
        setattr(changed, theirs, getattr(options, ours))
    for ours, theirs in _SAME_LISTS.items():
        # Pulumi's engine ignores new dependencies if the resource itself has no transforms.
        if with_dependencies or ours != "depends_on":
            _copy_list(options, ours, changed, theirs)
    for ours, theirs in _SAME_MESSAGES.items():
        _copy_message(options, ours, changed, theirs)
    changed.ClearField("providers")
    changed.providers.update(options.providers)
    changed.protect = options.protect
    changed.retainOnDelete = options.retain_on_delete
    changed.deleteBeforeReplace = options.delete_before_replace
    changed.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    changed.ClearField("aliasURNs")
    changed.ClearField("aliases")
    changed.aliases.extend(options.aliases)
    changed.ClearField("transforms")

    found: dict[str, set[str]] = {key: set() for key in properties.fields}
    content = {
        key: output_values.read(value, found[key]) for key, value in properties.fields.items()
    }
    changed.object.CopyFrom(values.to_wire(content, secrets=True))
    if with_dependencies:
        changed.ClearField("propertyDependencies")
        for key, urns in found.items():
            changed.propertyDependencies[key].urns.extend(sorted(urns))
        every = {*changed.dependencies}.union(*found.values())
        changed.ClearField("dependencies")
        changed.dependencies.extend(sorted(every))
    return changed


def _copy_list(source: Message, name: str, target: Message, target_name: str) -> None:
    target.ClearField(target_name)
    getattr(target, target_name).extend(getattr(source, name))


def _copy_message(source: Message, name: str, target: Message, target_name: str) -> None:
    target.ClearField(target_name)
    if source.HasField(name):
        getattr(target, target_name).CopyFrom(getattr(source, name))


def _properties(request: _Request, *, with_dependencies: bool) -> Struct:
    """Return the properties in the form that transforms get: secrets and unknowns are outputs."""
    marked = {}
    for key, value in values.from_wire(request.object).items():
        marked[key] = output_values.with_outputs(value)
        urns = list(request.propertyDependencies[key].urns) if with_dependencies else []
        if urns and isinstance(marked[key], dict) and values.SIGNATURE in marked[key]:
            marked[key]["dependencies"] = urns
        elif urns:
            marked[key] = {**output_values.OUTPUT, "value": marked[key], "dependencies": urns}
    return values.to_wire(marked, secrets=True)
