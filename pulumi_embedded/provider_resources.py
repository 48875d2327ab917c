"""Providers of packages: resources of the state, each with a plugin process.

A provider of the type `pulumi:providers:PACKAGE` is registered, compared and deleted as any other
resource. `ProviderResources` has the methods of a provider process for them: a check is the
plugin's CheckConfig, a diff its DiffConfig, and a create or an update its Configure.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable

from pulumi_embedded.diffs import ProviderDiff
from pulumi_embedded.packages import INTERNAL, VERSION
from pulumi_embedded.plugin import FailedPlugin, PluginProcess, UnknownPlugin
from pulumi_embedded.provider import CheckResult, ProviderError, ReadResult
from pulumi_embedded.state import ResourceState, SnapshotManager
from pulumi_embedded.urns import PROVIDER_PREFIX, provider_urn, type_of
from pulumi_embedded.values import (
    UNKNOWN_TEXT,
    Properties,
    has_unknown,
)

_Plugin = PluginProcess | UnknownPlugin | FailedPlugin


class ProviderResources:
    """The provider resources of one operation, and their plugin processes."""

    def __init__(self, start: Callable[[str], PluginProcess], snapshots: SnapshotManager) -> None:
        self._start = start
        self._snapshots = snapshots
        self._configured: dict[str, _Plugin] = {}  # by reference
        self._checked: dict[str, PluginProcess] = {}  # by URN: started, and not yet configured
        self._all: list[PluginProcess] = []
        self._lock = threading.RLock()
        self._closed = False

    def by_reference(self, reference: str) -> _Plugin:
        """Return the provider that a resource refers to. If needed, start it from the state."""
        with self._lock:
            found = self._configured.get(reference)
            if found is not None:
                return found
            urn, id_ = provider_urn(reference), reference.rpartition("::")[2]
            state = self._snapshots.live.get(urn)
            if state is None or state.id != id_:
                raise ProviderError(f"unknown provider '{reference}'")
            return self._configure(self._started(urn), urn, id_, state.inputs)

    def same(self, state: ResourceState) -> None:
        """Configure a provider that has not changed, unless it is configured already."""
        with self._lock:
            if f"{state.urn}::{state.id}" not in self._configured:
                self._configure(self._take(state.urn), state.urn, state.id, state.inputs)

    def changed(self, old: ResourceState, new: ResourceState) -> bool:
        """Say whether a resource must be replaced because it has another provider now."""
        if old.provider == new.provider:
            return False
        provider = self.by_reference(new.provider)
        if isinstance(provider, UnknownPlugin):
            return False
        before = self._snapshots.live.get(provider_urn(old.provider))
        now = self._snapshots.current(provider_urn(new.provider))
        if before is None or now is None:
            return True
        diff = provider.diff_config(
            now.urn,
            old_inputs=_for_plugin(before.inputs),
            old_outputs=before.outputs,
            new_inputs=_for_plugin(now.inputs),
        )
        return bool(diff.replaces)

    def check(self, urn: str, olds: Properties, news: Properties) -> CheckResult:
        """Start the plugin, and check the inputs of a provider."""
        process = self._started(urn)
        checked = process.check_config(urn, _for_plugin(olds), _for_plugin(news))
        if checked.failures:
            process.end()
            return checked
        with self._lock:
            self._checked[urn] = process
        inputs = checked.inputs
        for key in (VERSION, INTERNAL):
            if key in news:
                inputs[key] = news[key]
        return CheckResult(inputs, [])

    def diff(
        self,
        urn: str,
        id_: str,
        *,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: list[str],  # noqa: ARG002 - plugins get it, and ours compare without it
    ) -> ProviderDiff:
        """Compare the inputs of a provider."""
        process = self._checked.get(urn) or self.by_reference(f"{urn}::{id_}")
        if isinstance(process, UnknownPlugin):
            return ProviderDiff(changes=True)
        new = _for_plugin(new_inputs)
        diff = process.diff_config(
            urn, old_inputs=_for_plugin(old_inputs), old_outputs=old_outputs, new_inputs=new
        )
        changes = old_outputs != new if diff.changes is None else diff.changes
        return ProviderDiff(changes, diff.replaces, diff.delete_before_replace, diff.changed)

    def create(
        self, urn: str, inputs: Properties, *, preview: bool = False
    ) -> tuple[str, Properties]:
        """Configure a new provider. Return its id and outputs."""
        id_ = UNKNOWN_TEXT if preview else str(uuid.uuid4())
        with self._lock:
            self._configure(self._take(urn), urn, id_, inputs)
        return id_, _for_plugin(inputs)

    def update(
        self,
        urn: str,
        id_: str,
        *,
        new_inputs: Properties,
        preview: bool = False,  # noqa: ARG002 - the provider is needed in previews too
        **_olds: object,
    ) -> Properties:
        """Configure a provider that has changed. Return its outputs."""
        with self._lock:
            before = self._configured.get(f"{urn}::{id_}")
            self._configure(self._take(urn), urn, id_, new_inputs)
            if isinstance(before, PluginProcess):
                before.end()
        return _for_plugin(new_inputs)

    def read(self, urn: str, _id: str, **_properties: object) -> ReadResult:
        """Refuse."""
        raise ProviderError(f"provider resources may not be read ({urn})")

    def delete(self, *_state: object, **_properties: object) -> None:
        """Do nothing: the process ends with the operation."""

    def cancel(self) -> None:
        """Ask all plugins to end their calls soon."""
        for process in self._all:
            process.cancel()

    def end(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            processes = list(self._all)
        for process in processes:
            process.end()

    def _started(self, urn: str) -> PluginProcess:
        package = type_of(urn).removeprefix(PROVIDER_PREFIX)
        process = self._start(package)
        with self._lock:
            self._all.append(process)
            closed = self._closed
        if closed:
            process.end()
        return process

    def _take(self, urn: str) -> PluginProcess:
        return self._checked.pop(urn, None) or self._started(urn)

    def _configure(self, process: PluginProcess, urn: str, id_: str, inputs: Properties) -> _Plugin:
        given = _for_plugin(inputs)
        provider: _Plugin = process
        if has_unknown(given):
            provider = UnknownPlugin()
        else:
            try:
                process.configure_as(urn, id_, given)
            except ProviderError as error:
                provider = FailedPlugin(error)
        self._configured[f"{urn}::{id_}"] = provider
        return provider


def _for_plugin(inputs: Properties) -> Properties:
    return {key: value for key, value in inputs.items() if key != INTERNAL}
