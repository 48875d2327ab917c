"""Messages to the user, through the engine that started the plugin."""

from __future__ import annotations

import contextlib
import threading

import grpc

from parallel_provider.plugin.protocol import engine_pb2, engine_pb2_grpc
from parallel_provider.plugin.values import DOOR


class Engine:
    """The engine's log. Its address comes with the handshake, or with the plugin's arguments."""

    def __init__(self, address: str = "") -> None:
        self._lock = threading.Lock()
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self.address = ""
        self.connect(address)

    def connect(self, address: str) -> None:
        """Send all later messages to the engine at this address."""
        if not address:
            return
        with self._lock:
            self.address = address
            self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def log(self, severity: engine_pb2.LogSeverity.ValueType, text: str, urn: str = "") -> None:
        """Show a message at a resource, or without a URN at the stack."""
        line = DOOR.line(text)
        with self._lock:
            stub = self._stub
        if stub is not None:
            request = engine_pb2.LogRequest(severity=severity, message=line, urn=urn)
            with contextlib.suppress(grpc.RpcError):
                stub.Log(request, timeout=10)


class ResourceMessages:
    """The messages of one resource, or of the stack."""

    def __init__(self, engine: Engine, urn: str = "") -> None:
        self._engine = engine
        self._urn = urn

    def info(self, text: str) -> None:
        """Show an information."""
        self._engine.log(engine_pb2.INFO, text, self._urn)

    def warn(self, text: str) -> None:
        """Show a warning."""
        self._engine.log(engine_pb2.WARNING, text, self._urn)
