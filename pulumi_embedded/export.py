"""Exported states: written and read in the form of `pulumi stack export`."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pulumi_embedded import values
from pulumi_embedded.errors import Refused
from pulumi_embedded.state import ResourceState, now

DEPLOYMENT_VERSION: Final = 3
_VERSION: Final = "embedded"

# field of ResourceState → its key in an exported state, where the two are spelled differently
_KEYS: Final = {
    "property_dependencies": "propertyDependencies",
    "pending_replacement": "pendingReplacement",
    "additional_secret_outputs": "additionalSecretOutputs",
    "custom_timeouts": "customTimeouts",
    "retain_on_delete": "retainOnDelete",
    "hide_diff": "hideDiff",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "init_errors": "initErrors",
    "import_id": "importID",
}
# Fields that hold property values.
_PROPERTIES: Final = ("inputs", "outputs")
_ALWAYS_SHOWN: Final = ("urn", "custom", "type")
# Fields that an import may drop: no operation uses them.
_IGNORED: Final = ("sourcePosition", "stackTrace", "aliases")
_NOT_EXPORTED: Final = "old_urn"
_REFUSED: Final = ("deletedWith", "replaceWith", "viewOf", "taint")


# Pulumi needs the salt of a passphrase to import secrets. This one is for an empty passphrase.
_SECRETS_PROVIDERS: Final = {
    "type": "passphrase",
    "state": {"salt": "v1:Ky1vmVxXn5c=:v1:P6LjdkZZPf6rD3XR:GlkjDnsiheTJPTeUo+Fy0tdNrQItEw=="},
}


def exported(
    resources: Iterable[ResourceState],
    *,
    show_secrets: bool,
    secrets_providers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a deployment in the form of `pulumi stack export`."""
    return {
        "manifest": {"time": now(), "magic": _magic(_VERSION), "version": _VERSION},
        "resources": [_exported_resource(state, show_secrets=show_secrets) for state in resources],
        "secrets_providers": dict(secrets_providers or _SECRETS_PROVIDERS),
        "metadata": {},
    }


def _magic(version: str) -> str:
    # Pulumi checks this number when it reads a state.
    return hashlib.sha256(version.encode()).hexdigest()


def _exported_resource(state: ResourceState, *, show_secrets: bool) -> dict[str, Any]:
    fields = {}
    for known in dataclasses.fields(state):
        if known.name == _NOT_EXPORTED:
            continue
        value = getattr(state, known.name)
        if known.name in _PROPERTIES:
            value = values.to_state(value, show_secrets=show_secrets)
        if value or known.name in _ALWAYS_SHOWN:
            fields[_KEYS.get(known.name, known.name)] = value
    return fields


def imported(deployment: Mapping[str, Any]) -> list[ResourceState]:
    """Read a deployment that Pulumi or this engine exported with `--show-secrets`."""
    if deployment.get("pending_operations"):
        raise Refused("pending operations in an imported state")
    return [_imported_resource(resource) for resource in deployment.get("resources") or []]


def _imported_resource(resource: Mapping[str, Any]) -> ResourceState:
    names = {_KEYS.get(f.name, f.name): f.name for f in dataclasses.fields(ResourceState)}
    del names[_NOT_EXPORTED]
    for key in resource:
        if key in _REFUSED or (key not in names and key not in _IGNORED):
            raise Refused(f"{key} in an imported state", resource["urn"])
    state = ResourceState(**{names[key]: v for key, v in resource.items() if key in names})
    for name in _PROPERTIES:
        setattr(state, name, values.from_state(getattr(state, name)))
    return state
