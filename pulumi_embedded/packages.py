"""Packages: which plugins there are, and which one a program asks for."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from pulumi_embedded.errors import Refused
from pulumi_embedded.urns import PROVIDER_PREFIX
from pulumi_embedded.values import Properties

PACKAGE: Final = "pulumi-python"  # the package of all dynamic providers
BUILT_IN: Final = "pulumi"  # the package of stack references
INTERNAL: Final = "__internal"  # inputs of a provider that its plugin doesn't get
VERSION: Final = "version"


class Request(Protocol):
    """A message that asks for a provider: a registration, a read or a call of a function."""

    version: str
    pluginDownloadURL: str  # noqa: N815 - a field of the protocol
    packageRef: str  # noqa: N815 - a field of the protocol


@dataclass(frozen=True)
class PackageRequest:
    """What a program says about the plugin that it wants for a package."""

    package: str
    version: str = ""
    download_url: str = ""

    @property
    def default_name(self) -> str:
        """The name of the default provider for this request."""
        version = re.sub(r"[.+-]", "_", self.version)
        url = re.sub(r"[^A-Za-z0-9_.-]", "_", re.sub(r"^\w+://", "", self.download_url))
        return "_".join(filter(None, ("default", version, url)))

    def inputs(self, config: Properties) -> Properties:
        """Return the inputs of a provider: its configuration, and this request."""
        inputs = dict(config)
        if self.version:
            inputs[VERSION] = self.version
        internal = {"pluginDownloadURL": self.download_url} if self.download_url else {}
        if self.version or internal:
            inputs[INTERNAL] = internal
        return inputs


class Packages:
    """The packages that one operation has plugins for."""

    def __init__(self, packages: Collection[str]) -> None:
        self.names = {PACKAGE, *packages}
        self._references: dict[str, PackageRequest] = {}

    def register(self, request: PackageRequest) -> str:
        """Return a reference to a package, for later requests."""
        self.refuse_unknown(request.package, "a package")
        reference = str(uuid.uuid4())
        self._references[reference] = request
        return reference

    def request(self, request: Request, token: str) -> PackageRequest:
        """Return what a message asks for. `token` is of a resource, a provider or a function."""
        if request.packageRef:
            if request.packageRef not in self._references:
                raise ValueError(f"unknown provider package '{request.packageRef}'")
            return self._references[request.packageRef]
        package = token.removeprefix(PROVIDER_PREFIX).partition(":")[0]
        return PackageRequest(package, request.version, request.pluginDownloadURL)

    def refuse_unknown(self, package: str, where: str) -> None:
        """Raise `Refused` if there is no plugin for a package."""
        if package not in self.names:
            raise missing_plugin(package, where)


def missing_plugin(package: str, where: str = "") -> Refused:
    """Return the error for a package without a plugin."""
    if package == BUILT_IN:
        return Refused("this part of Pulumi's built-in provider", where)
    advice = f"give it, as in EmbeddedStack(…, plugins={{{package!r}: PATH_OF_ITS_EXECUTABLE}})"
    return Refused(f"the package {package!r} without its plugin", where, advice=advice)
