"""Default providers: one for each package, version and download URL that a program asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pulumi_embedded.deployment import Deployment
from pulumi_embedded.desired import DesiredResource
from pulumi_embedded.errors import Cancelled, EngineError
from pulumi_embedded.packages import PackageRequest
from pulumi_embedded.state import ResourceState
from pulumi_embedded.urns import PROVIDER_PREFIX
from pulumi_embedded.values import Properties, Secret


class DefaultProviders:
    """Registers default providers, each as a resource, when they are first needed."""

    def __init__(
        self, deployment: Deployment, register: Callable[[DesiredResource], ResourceState]
    ) -> None:
        self._deployment = deployment
        self._register = register
        self._references: dict[PackageRequest, str] = {}
        self._failed = False
        self._lock = threading.Lock()

    def reference(self, request: PackageRequest) -> str:
        """Return the reference to the default provider for a request."""
        with self._lock:
            if self._failed:
                raise Cancelled
            if request not in self._references:
                try:
                    new = self._register(self._desired(request))
                except EngineError:
                    self._failed = True
                    raise
                self._references[request] = f"{new.urn}::{new.id}"
            return self._references[request]

    def _desired(self, request: PackageRequest) -> DesiredResource:
        return DesiredResource(
            type=f"{PROVIDER_PREFIX}{request.package}",
            name=request.default_name,
            custom=True,
            parent="",
            properties=request.inputs(self._configuration(request.package)),
            dependencies=[],
            property_dependencies={},
        )

    def _configuration(self, package: str) -> Properties:
        """Return the stack's configuration of one package, without the namespace in its keys."""
        return {
            name: Secret(item.value) if item.secret else item.value
            for key, item in self._deployment.options.config.items()
            for namespace, _, name in [key.partition(":")]
            if namespace == package
        }
