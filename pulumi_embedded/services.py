"""The gRPC services of one operation: the resource monitor and the engine service.

The program's SDK calls the monitor. Program and provider send messages to the engine service.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NoReturn

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import (
    callback_pb2,
    engine_pb2,
    engine_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from pulumi_embedded import desired, values
from pulumi_embedded.deployment import ORGANIZATION, Deployment
from pulumi_embedded.display import Display
from pulumi_embedded.errors import Cancelled, EngineError, Refused, StepFailed
from pulumi_embedded.invokes import Invokes
from pulumi_embedded.packages import PackageRequest
from pulumi_embedded.provider import CHANNEL_OPTIONS
from pulumi_embedded.registration import Registrations
from pulumi_embedded.values import Properties

# Features that the SDK may use. The engine refuses some of them by name. If they were not listed
# here, the SDK would say that the Pulumi command line is too old.
_FEATURES: Final = {
    "secrets": "SECRETS",
    "aliasSpecs": "ALIAS_SPECS",
    "deletedWith": "DELETED_WITH",
    "replaceWith": "REPLACE_WITH",
    "replacementTrigger": "REPLACEMENT_TRIGGER",
    "transforms": "TRANSFORMS",
    "invokeTransforms": "INVOKE_TRANSFORMS",
    "resourceHooks": "RESOURCE_HOOKS",
    "errorHooks": "ERROR_HOOKS",
    "parameterization": "PARAMETERIZATION",
}
_SEVERITIES: Final = {
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}
# Registrations wait in these threads for their turn, so more are needed than run at once.
_THREADS: Final = 256


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Answers the calls of one program."""

    def __init__(self, deployment: Deployment, registrations: Registrations) -> None:
        self._deployment = deployment
        self._registrations = registrations
        self._invokes = Invokes(deployment, registrations)
        self.root_outputs: Properties | None = None
        self.program_done = threading.Event()  # it has registered everything
        self.operation_done = threading.Event()  # the program may end

    def SupportsFeature(  # noqa: N802
        self, request: resource_pb2.SupportsFeatureRequest, _context: grpc.ServicerContext
    ) -> resource_pb2.SupportsFeatureResponse:
        """Answer older SDKs, which ask for each feature."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def GetDeploymentInfo(  # noqa: N802
        self, _request: empty_pb2.Empty, _context: grpc.ServicerContext
    ) -> resource_pb2.DeploymentInfo:
        """Answer newer SDKs, which ask once."""
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
        """Create, update, replace or keep a resource."""
        try:
            known = self._registrations.desired
            state = self._registrations.register(
                desired.from_registration(request, known, self._deployment.packages)
            )
        except (EngineError, ValueError) as error:
            self._abort(error, context)
        # A component registers its outputs later.
        outputs = state.outputs if state.custom else {}
        return resource_pb2.RegisterResourceResponse(
            urn=state.urn, id=state.id, object=values.to_wire(outputs, secrets=True)
        )

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ReadResourceResponse:
        """Read a resource (`.get`)."""
        try:
            state = self._registrations.read(desired.from_read(request, self._deployment.packages))
        except (EngineError, ValueError) as error:
            self._abort(error, context)
        response = resource_pb2.ReadResourceResponse(
            urn=state.urn, properties=values.to_wire(state.outputs, secrets=True)
        )
        # As in Pulumi's engine, the id is unknown in previews. Older SDKs don't have this field.
        # They use the id of the request.
        if not self._deployment.dry_run and "id" in response.DESCRIPTOR.fields_by_name:
            response.id = state.id
        return response

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Save the outputs of a component or of the stack."""
        try:
            outputs = values.from_wire(request.outputs)
            if request.urn == self._deployment.options.root:
                self.root_outputs = outputs
            else:
                self._registrations.give_outputs(request.urn, outputs)
        except EngineError as error:
            self._abort(error, context)
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(  # noqa: N802
        self, _request: empty_pb2.Empty, _context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Make the program wait until the operation is done."""
        self.program_done.set()
        self._deployment.program_event.set()
        self.operation_done.wait()
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ResourceInvokeResponse:
        """Call a function of a package."""
        try:
            return self._invokes.call(request)
        except StepFailed as error:
            # The program may handle this error, so the operation goes on.
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except (EngineError, ValueError) as error:
            self._abort(error, context)

    def Call(  # noqa: N802
        self, request: resource_pb2.ResourceCallRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: dynamic providers have no methods."""
        self._refuse(f"methods of resources ({request.tok})", context)

    def RegisterStackTransform(  # noqa: N802
        self, _request: callback_pb2.Callback, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: no function of the program is called."""
        self._refuse("transforms", context)

    def RegisterStackInvokeTransform(  # noqa: N802
        self, _request: callback_pb2.Callback, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: no function of the program is called."""
        self._refuse("transforms", context)

    def RegisterResourceHook(  # noqa: N802
        self, _request: resource_pb2.RegisterResourceHookRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: no function of the program is called."""
        self._refuse("resource hooks", context)

    def RegisterErrorHook(  # noqa: N802
        self, _request: resource_pb2.RegisterErrorHookRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """Refuse: no function of the program is called."""
        self._refuse("resource hooks", context)

    def RegisterPackage(  # noqa: N802
        self, request: resource_pb2.RegisterPackageRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterPackageResponse:
        """Return a reference to a package."""
        if request.HasField("parameterization"):
            self._refuse("parameterized packages", context)
        wanted = PackageRequest(request.name, request.version, request.download_url)
        try:
            reference = self._deployment.packages.register(wanted)
        except EngineError as error:
            self._abort(error, context)
        return resource_pb2.RegisterPackageResponse(ref=reference)

    def _refuse(self, what: str, context: grpc.ServicerContext) -> NoReturn:
        self._abort(Refused(what), context)

    def _abort(self, error: Exception, context: grpc.ServicerContext) -> NoReturn:
        """Report the error, then let the program's call fail as the real engine does."""
        if isinstance(error, StepFailed):
            self._deployment.fail(error)
        elif not isinstance(error, Cancelled):
            self._deployment.fail(StepFailed("", str(error)))
        # Wait until the program's process has ended, so that it prints no error of its own.
        self.operation_done.wait()
        context.abort(grpc.StatusCode.UNAVAILABLE, "resource monitor shut down")


class EngineService(engine_pb2_grpc.EngineServicer):
    """Receives messages from programs and providers."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = ""

    def Log(  # noqa: N802
        self, request: engine_pb2.LogRequest, _context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Print a message. Debug and ephemeral messages are left out."""
        severity = _SEVERITIES.get(request.severity)
        if severity is not None and not request.ephemeral:
            self._display.message(request.message, urn=request.urn, severity=severity)
        return empty_pb2.Empty()

    def GetRootResource(  # noqa: N802
        self, _request: engine_pb2.GetRootResourceRequest, _context: grpc.ServicerContext
    ) -> engine_pb2.GetRootResourceResponse:
        """Return the URN of the stack's resource."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(  # noqa: N802
        self, request: engine_pb2.SetRootResourceRequest, _context: grpc.ServicerContext
    ) -> engine_pb2.SetRootResourceResponse:
        """Save the URN of the stack's resource."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(  # noqa: N802
        self, _request: Message, _context: grpc.ServicerContext
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Accept any version: there is no command line here."""
        return engine_pb2.RequirePulumiVersionResponse()


class Services:
    """The gRPC server of one operation, on a free loopback port."""

    def __init__(self, display: Display, monitor: Monitor | None = None) -> None:
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="engine")
        self._server = grpc.server(self._pool, options=CHANNEL_OPTIONS)
        engine_pb2_grpc.add_EngineServicer_to_server(EngineService(display), self._server)
        if monitor is not None:
            resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, self._server)
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self._server.start()

    def end(self, grace: float | None = None) -> None:
        """Stop the server. Calls still running are cut off after `grace` seconds."""
        self._server.stop(grace).wait()
        self._pool.shutdown(wait=False)
