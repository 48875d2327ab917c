"""Messages to the user, through the engine that started the provider."""

from __future__ import annotations

import contextlib
import functools
import sys

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from parallel_provider.printable import line_for_user


class EngineMessages:
    """Sends messages to the engine. The address of the engine is an argument of this process.

    The SDK doesn't tell a dynamic provider the URN of a resource. So the engine shows the messages
    as those of the stack. Without an engine, they go to standard error.
    """

    def info(self, text: str) -> None:
        """Show an information."""
        self._log(engine_pb2.INFO, text)

    def warn(self, text: str) -> None:
        """Show a warning."""
        self._log(engine_pb2.WARNING, text)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, text: str) -> None:
        line = line_for_user(text)
        with contextlib.suppress(grpc.RpcError):
            engine = _engine()
            if engine is not None:
                engine.Log(engine_pb2.LogRequest(severity=severity, message=line), timeout=10)
                return
        sys.stderr.write(f"{engine_pb2.LogSeverity.Name(severity).lower()}: {line}\n")


def engine_address() -> str:
    """Return the address of the engine that started this process; "" without one."""
    # `python -m pulumi.dynamic ADDRESS`
    return sys.argv[1] if len(sys.argv) > 1 else ""


@functools.cache
def _engine() -> engine_pb2_grpc.EngineStub | None:
    address = engine_address()
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None


def with_configuration_hint(text: str) -> str:
    """Return an error's text; say which configuration counts, if it is about the stack's."""
    if "parallel:" not in text:
        return text
    return (
        f"{text} (`pulumi refresh` and `pulumi destroy` use the configuration of the last "
        "`pulumi up`: with --run-program, they use today's)"
    )
