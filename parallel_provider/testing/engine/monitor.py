"""The resource monitor: what the program's SDK talks to."""

from __future__ import annotations

import threading
from typing import Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import resource_pb2, resource_pb2_grpc

from parallel_provider.testing.engine import goals, values
from parallel_provider.testing.engine.deployment import ORGANIZATION, Deployment
from parallel_provider.testing.engine.errors import Cancelled, EngineError, Refused, StepFailed
from parallel_provider.testing.engine.registration import Registrations
from parallel_provider.testing.engine.values import Properties

# What the SDK may send. Some of it is refused here, by its name, since the SDK by itself would
# say that the command line is too old.
_FEATURES: Final = {
    "secrets": "SECRETS",
    "aliasSpecs": "ALIAS_SPECS",
    "deletedWith": "DELETED_WITH",
    "replaceWith": "REPLACE_WITH",
    "transforms": "TRANSFORMS",
    "invokeTransforms": "INVOKE_TRANSFORMS",
    "resourceHooks": "RESOURCE_HOOKS",
    "errorHooks": "ERROR_HOOKS",
    "parameterization": "PARAMETERIZATION",
}


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Answers the program of one operation."""

    def __init__(self, deployment: Deployment, registrations: Registrations) -> None:
        self._deployment = deployment
        self._registrations = registrations
        self.root_outputs: Properties | None = None
        self.program_done = threading.Event()  # it registers nothing any more
        self.operation_done = threading.Event()  # it may go

    def SupportsFeature(  # noqa: N802
        self, request: resource_pb2.SupportsFeatureRequest, _context: grpc.ServicerContext
    ) -> resource_pb2.SupportsFeatureResponse:
        """Tell older SDKs, one by one, what may be sent."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def GetDeploymentInfo(  # noqa: N802
        self, _request: empty_pb2.Empty, _context: grpc.ServicerContext
    ) -> resource_pb2.DeploymentInfo:
        """Tell newer SDKs all at once."""
        options = self._deployment.options
        features = [
            resource_pb2.ResourceMonitorFeature.Value(f"RESOURCE_MONITOR_FEATURE_{name}")
            for name in _FEATURES.values()
        ]
        return resource_pb2.DeploymentInfo(
            project=options.space.project,
            stack=options.space.stack,
            organization=ORGANIZATION,
            config={key: item.value for key, item in options.config.items()},
            configSecretKeys=[key for key, item in options.config.items() if item.secret],
            dryRun=self._deployment.dry_run,
            parallel=options.parallel,
            supportedFeatures=features,
        )

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        """Bring a resource to where the program wants it."""
        try:
            state = self._registrations.register(
                goals.registered(request, self._registrations.goals)
            )
        except (EngineError, ValueError) as error:
            self._give_up(error, context)
        # What a component gives is registered later.
        outputs = state.outputs if state.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn, id=state.id, object=values.to_wire(outputs, secrets=True)
        )

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ReadResourceResponse:
        """Look at a resource for the program."""
        try:
            state = self._registrations.read(goals.read(request))
        except (EngineError, ValueError) as error:
            self._give_up(error, context)
        response = resource_pb2.ReadResourceResponse(
            urn=state.urn, properties=values.to_wire(state.outputs, secrets=True)
        )
        # Older SDKs have no field for it, and take the id that they asked for.
        if "id" in response.DESCRIPTOR.fields_by_name:
            response.id = state.id
        return response

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Take the outputs of a component, or of the stack."""
        try:
            outputs = values.from_wire(request.outputs)
            if request.urn == self._deployment.options.root:
                self.root_outputs = outputs
            else:
                self._registrations.give_outputs(request.urn, outputs)
        except EngineError as error:
            self._give_up(error, context)
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(  # noqa: N802
        self, _request: empty_pb2.Empty, _context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Let the program wait until everything is done."""
        self.program_done.set()
        self._deployment.woken.set()
        self.operation_done.wait()
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ResourceInvokeResponse:
        """Refuse: functions are no part of dynamic providers."""
        self._refuse(f"functions of providers ({request.tok})", context)

    def Call(  # noqa: N802
        self, request: resource_pb2.ResourceCallRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: methods are no part of dynamic providers."""
        self._refuse(f"methods of resources ({request.tok})", context)

    def RegisterStackTransform(  # noqa: N802
        self, _request: Message, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Refuse."""
        self._refuse("transforms", context)

    def RegisterStackInvokeTransform(  # noqa: N802
        self, _request: Message, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Refuse."""
        self._refuse("transforms", context)

    def RegisterResourceHook(  # noqa: N802
        self, _request: Message, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Refuse."""
        self._refuse("resource hooks", context)

    def RegisterErrorHook(  # noqa: N802
        self, _request: Message, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Refuse."""
        self._refuse("error hooks", context)

    def RegisterPackage(  # noqa: N802
        self, _request: Message, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterPackageResponse:
        """Refuse."""
        self._refuse("parameterized packages", context)

    def _refuse(self, what: str, context: grpc.ServicerContext) -> NoReturn:
        self._give_up(Refused(what), context)

    def _give_up(self, error: Exception, context: grpc.ServicerContext) -> NoReturn:
        """Report what happened, and let the program's call fail as if the engine were gone."""
        if isinstance(error, StepFailed):
            self._deployment.fail(error)
        elif not isinstance(error, Cancelled):
            self._deployment.fail(StepFailed("", str(error)))
        # By then the program is gone: it has nothing to add.
        self.operation_done.wait()
        context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")
