"""What a stack knows about its resources, and how that is exported and imported."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from parallel_provider.testing.engine import values
from parallel_provider.testing.engine.errors import Refused
from parallel_provider.testing.engine.urns import PROVIDER_PREFIX, provider_urn
from parallel_provider.testing.engine.values import Properties

DEPLOYMENT_VERSION: Final = 3
_VERSION: Final = "embedded"

# field of ResourceState → its key in an exported state, where the two are spelled differently
_KEYS: Final = {
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "retain_on_delete": "retainOnDelete",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
}
_ALWAYS_SHOWN: Final = ("urn", "custom", "type")
# Where a program made a resource is of no use to a test.
_IGNORED: Final = ("sourcePosition", "stackTrace", "hideDiff")
_REFUSED: Final = ("deletedWith", "replaceWith", "initErrors", "resourceHooks", "viewOf", "taint")


@dataclass(eq=False)
class ResourceState:
    """One resource, as it was when it was last touched; two are the same only by identity."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Properties = field(default_factory=dict)
    outputs: Properties = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    external: bool = False
    delete: bool = False
    pending_replacement: bool = False
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    retain_on_delete: bool = False
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    created: str = ""
    modified: str = ""

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider, and not something that one provides."""
        return self.type.startswith(PROVIDER_PREFIX)

    def needs(self) -> Iterator[str]:
        """Yield the names of everything that this resource needs, its parent aside."""
        yield from self.dependencies
        for urns in self.property_dependencies.values():
            yield from urns
        if self.provider:
            yield provider_urn(self.provider)

    def copy(self, **changes: Any) -> ResourceState:  # noqa: ANN401 - any field
        """Return another state, with some fields changed."""
        return dataclasses.replace(self, **changes)

    def renamed(self, names: Mapping[str, str]) -> ResourceState:
        """Return this state with other resources called by their new names."""
        if not names:
            return self

        def new(urn: str) -> str:
            return names.get(urn, urn)

        provider = self.provider
        if provider:
            reference, _, id_ = provider.rpartition("::")
            provider = f"{new(reference)}::{id_}"
        return self.copy(
            parent=new(self.parent),
            provider=provider,
            dependencies=[new(urn) for urn in self.dependencies],
            property_dependencies={
                key: [new(urn) for urn in urns] for key, urns in self.property_dependencies.items()
            },
        )


def now() -> str:
    """Return the time as a state has it."""
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


def export(resources: Iterable[ResourceState], *, show_secrets: bool) -> dict[str, Any]:
    """Write a deployment, in the form of `pulumi stack export`."""
    return {
        "manifest": {"time": now(), "magic": _magic(_VERSION), "version": _VERSION},
        "resources": [_exported(state, show_secrets=show_secrets) for state in resources],
    }


def _magic(version: str) -> str:
    # By this Pulumi tells that a state wasn't mixed up from two.
    return hashlib.sha256(version.encode()).hexdigest()


def _exported(state: ResourceState, *, show_secrets: bool) -> dict[str, Any]:
    exported = {}
    for known in dataclasses.fields(state):
        value = getattr(state, known.name)
        if known.name in ("inputs", "outputs"):
            value = values.to_state(value, show_secrets=show_secrets)
        if value or known.name in _ALWAYS_SHOWN:
            exported[_KEYS.get(known.name, known.name)] = value
    return exported


def imported(deployment: Mapping[str, Any]) -> list[ResourceState]:
    """Read a deployment that Pulumi or this engine exported, with its secrets shown."""
    if deployment.get("pending_operations"):
        raise Refused("pending operations in an imported state")
    return [_imported(resource) for resource in deployment.get("resources") or []]


def _imported(resource: Mapping[str, Any]) -> ResourceState:
    names = {_KEYS.get(f.name, f.name): f.name for f in dataclasses.fields(ResourceState)}
    for key in resource:
        if key in _REFUSED or (key not in names and key not in _IGNORED):
            raise Refused(f"{key} in an imported state", resource["urn"])
    state = ResourceState(**{names[key]: v for key, v in resource.items() if key in names})
    state.inputs = values.from_state(state.inputs)
    state.outputs = values.from_state(state.outputs)
    return state
