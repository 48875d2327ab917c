"""The gRPC server of one operation: the monitor, and the engine's own service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2_grpc

from parallel_provider.testing.engine.display import Display
from parallel_provider.testing.engine.monitor import Monitor
from parallel_provider.testing.engine.provider import CHANNEL_OPTIONS

_SEVERITIES: Final = {
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}
# Registrations wait here for their turn, so there have to be more than run at once.
_THREADS: Final = 256


class EngineService(engine_pb2_grpc.EngineServicer):
    """Takes messages from programs and providers."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._root = ""

    def Log(  # noqa: N802
        self, request: engine_pb2.LogRequest, _context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Show a message, unless it is for the makers of the SDK."""
        severity = _SEVERITIES.get(request.severity)
        if severity is not None and not request.ephemeral:
            self._display.message(request.message, urn=request.urn, severity=severity)
        return empty_pb2.Empty()

    def GetRootResource(  # noqa: N802
        self, _request: engine_pb2.GetRootResourceRequest, _context: grpc.ServicerContext
    ) -> engine_pb2.GetRootResourceResponse:
        """Tell which resource is the stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(  # noqa: N802
        self, request: engine_pb2.SetRootResourceRequest, _context: grpc.ServicerContext
    ) -> engine_pb2.SetRootResourceResponse:
        """Remember which resource is the stack."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(  # noqa: N802
        self, _request: Message, _context: grpc.ServicerContext
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Agree: what a program needs of the command line, it doesn't need here."""
        return engine_pb2.RequirePulumiVersionResponse()


class Services:
    """A server on a free port of this machine."""

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
        """Stop listening; calls under way are cut off after the grace."""
        self._server.stop(grace).wait()
        self._pool.shutdown(wait=False)
