"""Desired resources, read from registrations. Unsupported options are refused here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message
from pulumi.runtime.proto import alias_pb2, resource_pb2

from pulumi_embedded import values
from pulumi_embedded.errors import Refused
from pulumi_embedded.packages import (
    BUILT_IN,
    PACKAGE,
    PackageRequest,
    Packages,
    missing_plugin,
)
from pulumi_embedded.urns import (
    PROVIDER_PREFIX,
    ROOT_TYPE,
    STACK_REFERENCE,
    Alias,
    qualified_type,
)
from pulumi_embedded.values import Properties

_REFUSED_OPTIONS: Final = {
    "remote": "components that live in a provider",
    "deletedWith": "the option `deleted_with`",
    "replace_with": "the option `replace_with`",
    "replacement_trigger": "the option `replacement_trigger`",
    "hooks": "resource hooks",
    "transforms": "transforms",
    "state_migrations": "state migrations",
    "envVarMappings": "environment mappings of providers",
}
# Options that have no effect on components, and none that is known for dynamic resources.
_REFUSED_FOR_DYNAMIC: Final = {
    "importId": "the option `import_`",
    "provider": "explicit providers of dynamic resources",
    "version": "the option `version`",
    "pluginDownloadURL": "the option `plugin_download_url`",
}
# Names of these options in the SDK's `ResourceOptions`.
_SDK_NAMES: Final = {
    "deletedWith": "deleted_with",
    "importId": "import_",
    "pluginDownloadURL": "plugin_download_url",
    "replace_with": "replace_with",
    "replacement_trigger": "replacement_trigger",
    "state_migrations": "state_migrations",
    "transforms": "transforms",
    "version": "version",
}
_SECONDS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)")


@dataclass(frozen=True)
class DesiredResource:
    """A resource that the program registers (Pulumi's engine calls it a goal)."""

    type: str
    name: str
    custom: bool
    parent: str
    properties: Properties
    dependencies: list[str]
    property_dependencies: dict[str, list[str]]
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    additional_secret_outputs: list[str] = field(default_factory=list)
    aliases: list[Alias] = field(default_factory=list)
    hide_diff: list[str] = field(default_factory=list)
    custom_timeouts: dict[str, float] = field(default_factory=dict)
    provider: str = ""  # a reference; empty for the default provider
    request: PackageRequest = field(default_factory=lambda: PackageRequest(PACKAGE))
    import_id: str = ""


@dataclass(frozen=True)
class DesiredRead:
    """A resource that the program only reads (`.get`)."""

    type: str
    name: str
    id: str  # empty if a preview doesn't know it
    parent: str
    properties: Properties
    dependencies: list[str]
    additional_secret_outputs: list[str]
    provider: str = ""  # a reference; empty for the default provider
    request: PackageRequest = field(default_factory=lambda: PackageRequest(PACKAGE))


# Parent of a resource without a parent.
_NO_PARENT: Final = DesiredResource("", "", False, "", {}, [], {})


def refusals(packages: Packages) -> dict[str, object]:
    """Return what the program's process refuses before it registers anything.

    In the texts, `{name}` stands for the name of the resource and `{package}` for its package.
    """
    where = "resource '{name}'"

    def texts(options: Mapping[str, str]) -> dict[str, str]:
        return {
            _SDK_NAMES[option]: str(Refused(what, where))
            for option, what in options.items()
            if option in _SDK_NAMES
        }

    return {
        "of_all": texts(_REFUSED_OPTIONS),
        "of_dynamic": texts(_REFUSED_FOR_DYNAMIC),
        "packages": [*packages.names, BUILT_IN],
        "dynamic_package": PACKAGE,
        "unknown_package": str(missing_plugin("{package}", where)),
    }


def from_registration(
    request: resource_pb2.RegisterResourceRequest,
    parents: Mapping[str, DesiredResource],
    packages: Packages,
) -> DesiredResource:
    """Read a registration. Options that are not set are inherited from the parent."""
    where = f"resource {request.name!r}"
    _refuse_options(request, where)
    wanted = packages.request(request, request.type)
    if request.custom:
        packages.refuse_unknown(wanted.package, where)
    if request.type == PROVIDER_PREFIX + PACKAGE:
        raise Refused("explicit providers of dynamic resources", where)
    if request.custom and wanted.package == PACKAGE:
        _refuse_options(request, where, _REFUSED_FOR_DYNAMIC)
    inherited = parents.get(request.parent, _NO_PARENT)
    properties = values.from_wire(request.object)
    if request.type.startswith(PROVIDER_PREFIX):
        properties = wanted.inputs(properties)
    dependencies = sorted(request.dependencies)
    by_property = {
        key: sorted(entry.urns) for key, entry in request.propertyDependencies.items()
    } or dict.fromkeys(properties, dependencies)
    first = request.deleteBeforeReplace
    return DesiredResource(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=properties,
        dependencies=dependencies,
        property_dependencies=by_property,
        protect=request.protect if request.HasField("protect") else inherited.protect,
        retain_on_delete=(
            request.retainOnDelete
            if request.HasField("retainOnDelete")
            else inherited.retain_on_delete
        ),
        delete_before_replace=first if first or request.deleteBeforeReplaceDefined else None,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        aliases=[*(Alias(urn=urn) for urn in request.aliasURNs), *map(_alias, request.aliases)],
        # Older SDKs don't have this field.
        hide_diff=list(getattr(request, "hideDiffs", [])),
        custom_timeouts=_timeouts(request, where),
        provider=request.provider,
        request=wanted,
        import_id=request.importId,
    )


def from_read(request: resource_pb2.ReadResourceRequest, packages: Packages) -> DesiredRead:
    """Read a read request."""
    where = f"resource {request.name!r}"
    _refuse_options(request, where)
    wanted = packages.request(request, request.type)
    if request.type != STACK_REFERENCE:
        packages.refuse_unknown(wanted.package, where)
    if wanted.package == PACKAGE:
        _refuse_options(request, where, _REFUSED_FOR_DYNAMIC)
    return DesiredRead(
        type=request.type,
        name=request.name,
        id="" if request.id == values.UNKNOWN_TEXT else request.id,
        parent=request.parent,
        properties=values.from_wire(request.properties),
        dependencies=sorted(request.dependencies),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        provider=request.provider,
        request=wanted,
    )


def _refuse_options(
    request: Message, where: str, refused: Mapping[str, str] = _REFUSED_OPTIONS
) -> None:
    for set_field, value in request.ListFields():
        # The SDK always sends the message of the hooks. Without hooks, it is empty.
        is_empty = isinstance(value, Message) and value.ByteSize() == 0
        if set_field.name in refused and not is_empty:
            raise Refused(refused[set_field.name], where)


def _alias(alias: alias_pb2.Alias) -> Alias:
    if alias.urn:
        return Alias(urn=alias.urn)
    spec = alias.spec
    root = bool(spec.parentUrn) and qualified_type(spec.parentUrn) == ROOT_TYPE
    return Alias(
        name=spec.name,
        type=spec.type,
        stack=spec.stack,
        project=spec.project,
        parent=spec.parentUrn,
        no_parent=spec.noParent or root,
    )


def _timeouts(request: resource_pb2.RegisterResourceRequest, where: str) -> dict[str, float]:
    timeouts = request.customTimeouts
    names: Iterable[str] = ("create", "update", "delete")
    return {name: _seconds(text, where) for name in names if (text := str(getattr(timeouts, name)))}


def _seconds(text: str, where: str) -> float:
    parts = _DURATION_PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{where}: unable to parse customTimeout value {text}")
    seconds = sum((float(number) * _SECONDS[unit] for number, unit in parts), 0.0)
    return int(seconds) if seconds.is_integer() else seconds
