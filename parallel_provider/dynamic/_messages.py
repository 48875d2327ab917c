"""Messages to the person at the terminal, through the engine that started the provider."""

from __future__ import annotations

import contextlib
import functools
import sys

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from parallel_provider.printable import masked

# A shorter text is in too many words.
_SHORTEST_HIDDEN = 3
_hidden: set[str] = set()


def hide(text: object) -> None:
    """Show this text in no message from now on."""
    if isinstance(text, str) and len(text) >= _SHORTEST_HIDDEN:
        _hidden.add(text)


def without_hidden(text: str) -> str:
    """Return a text without what is to be hidden."""
    return masked(text, *_hidden) if _hidden else text


class EngineMessages:
    """Sends messages to the engine, as its own process argument says where that listens.

    The SDK doesn't tell a dynamic provider which resource it is called for, so the messages are
    shown as those of the stack; without an engine they go to standard error.
    """

    def info(self, text: str) -> None:
        """Say something that is good to know."""
        self._log(engine_pb2.INFO, text)

    def warn(self, text: str) -> None:
        """Say something that asks for attention."""
        self._log(engine_pb2.WARNING, text)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, text: str) -> None:
        line = without_hidden(" ".join(text.split()))
        with contextlib.suppress(grpc.RpcError):
            engine = _engine()
            if engine is not None:
                engine.Log(engine_pb2.LogRequest(severity=severity, message=line), timeout=10)
                return
        sys.stderr.write(f"{engine_pb2.LogSeverity.Name(severity).lower()}: {line}\n")


@functools.cache
def _engine() -> engine_pb2_grpc.EngineStub | None:
    # `python -m pulumi.dynamic ADDRESS`
    address = sys.argv[1] if len(sys.argv) > 1 else ""
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None
