"""The process of all dynamic providers: its one run, and its messages to the engine."""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import threading
from collections.abc import Callable

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from parallel_provider.calls import Door, Process
from parallel_provider.dynamic._concurrency import widen_thread_pool
from parallel_provider.errors import CredentialsError, ParallelError, SettingsError

DOOR = Door(has_old_configuration=True)

_lock = threading.Lock()
_process: Process | None = None


def configure(config: Callable[[str], str | None]) -> None:
    """Make the run from settings, unless this process has one. No request is made.

    Raises SettingsError or CredentialsError, with the whole text once. The SDK prints the traceback
    of any error that a provider raises, so tracebacks are switched off here.
    """
    global _process  # noqa: PLW0603 - there is one
    sys.tracebacklimit = 0
    with _lock:
        is_first = _process is None
        if _process is None:
            _process = Process(DOOR, _engine_address())
            _process.open(config, EngineMessages())
    try:
        _process.run()
    except ParallelError as error:
        if not is_first:
            raise SettingsError("the same cause as before: see that error") from None
        kind = SettingsError if isinstance(error, SettingsError) else CredentialsError
        raise kind(DOOR.line_with_hint(str(error))) from None
    if is_first:
        widen_thread_pool()
        # What is loaded now stays until the end: the garbage collector needn't look at it.
        gc.freeze()


def process() -> Process:
    """Return this process. `configure` was called before."""
    if _process is None:
        raise AssertionError("the SDK configures a provider before it calls it")
    return _process


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
        line = DOOR.line(text)
        with contextlib.suppress(grpc.RpcError):
            engine = _engine()
            if engine is not None:
                engine.Log(engine_pb2.LogRequest(severity=severity, message=line), timeout=10)
                return
        sys.stderr.write(f"{engine_pb2.LogSeverity.Name(severity).lower()}: {line}\n")


def _engine_address() -> str:
    """Return the address of the engine that started this process; "" without one."""
    # `python -m pulumi.dynamic ADDRESS`
    return sys.argv[1] if len(sys.argv) > 1 else ""


@functools.cache
def _engine() -> engine_pb2_grpc.EngineStub | None:
    address = _engine_address()
    return engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None
