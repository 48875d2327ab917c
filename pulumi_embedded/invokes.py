"""Calls of functions that packages have."""

from __future__ import annotations

from pulumi.runtime.proto import provider_pb2, resource_pb2

from pulumi_embedded import values
from pulumi_embedded.deployment import Deployment
from pulumi_embedded.errors import Cancelled, Refused, StepFailed
from pulumi_embedded.packages import PACKAGE
from pulumi_embedded.registration import Registrations


class Invokes:
    """The calls of functions in one run of the program."""

    def __init__(self, deployment: Deployment, registrations: Registrations) -> None:
        self._deployment = deployment
        self._registrations = registrations

    def call(
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        """Call a function. Raise `StepFailed` if that fails."""
        deployment, token = self._deployment, request.tok
        if deployment.cancelled.is_set():
            raise Cancelled
        wanted = deployment.packages.request(request, token)
        if wanted.package == PACKAGE:
            raise Refused(f"functions of dynamic providers ({token})")
        deployment.packages.refuse_unknown(wanted.package, f"function {token}")
        reference = request.provider or self._registrations.default_provider(wanted)
        arguments = values.from_wire(request.args)
        try:
            result = deployment.call_provider(
                "",
                lambda: deployment.provider_resources.by_reference(reference).invoke(
                    token, arguments, preview=deployment.dry_run
                ),
            )
        except StepFailed as error:
            text = f"invocation of {token} returned an error: {error}"
            raise StepFailed("", text) from None
        response = resource_pb2.ResourceInvokeResponse(
            failures=[
                provider_pb2.CheckFailure(property=property_, reason=reason)
                for property_, reason in result.failures
            ]
        )
        getattr(response, "return").CopyFrom(values.to_wire(result.outputs, secrets=True))
        return response
