"""Messages to the user, through the engine that started the plugin."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import grpc

from parallel_provider.plugin.protocol import engine_pb2, engine_pb2_grpc
from parallel_provider.plugin.values import DOOR


class Engine:
    """The engine's log. Its address comes with the handshake, or with the plugin's arguments."""

    def __init__(self, address: str = "") -> None:
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self.address = ""
        self.connect(address)

    def connect(self, address: str) -> None:
        """Send all later messages to the engine at this address."""
        if address:
            self.address = address
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(self, severity: engine_pb2.LogSeverity.ValueType, text: str, urn: str = "") -> None:
        """Show a message at a resource, or without a URN at the stack."""
        line = DOOR.line(text)
        stub = self._stub
        if stub is not None:
            request = engine_pb2.LogRequest(severity=severity, message=line, urn=urn)
            with contextlib.suppress(grpc.RpcError):
                stub.Log(request, timeout=10)


@dataclass(frozen=True)
class ResourceMessages:
    """The messages of one resource, or of the stack."""

    engine: Engine
    urn: str = ""

    def info(self, text: str) -> None:
        """Show an information."""
        self.engine.log(engine_pb2.INFO, text, self.urn)

    def warn(self, text: str) -> None:
        """Show a warning."""
        self.engine.log(engine_pb2.WARNING, text, self.urn)
