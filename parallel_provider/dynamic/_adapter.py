"""The process of all dynamic providers, and the translation between the SDK and `calls`.

The SDK doesn't tell a provider the names of a resource, so programs send them among the inputs.
`default_NAME` is the resource's own name, sent for a name input that the program doesn't give; only
the check needs it. `resource_name` is the resource's own name, sent by every top-up, and by other
resources if their name input may be a secret. `organization`, `project`, `stack` and `parent_types`
are sent by every top-up.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    UpdateResult,
)
from pulumi.output import UNKNOWN as SDK_UNKNOWN
from pulumi.output import Unknown as SdkUnknown
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from parallel_provider.calls import Call, Calls, Door, Process
from parallel_provider.errors import CredentialsError, ParallelError, SettingsError
from parallel_provider.lifecycle import lifecycle_of
from parallel_provider.lifecycle.declare import UNKNOWN, Unknown
from parallel_provider.lifecycle.resource import Lifecycle
from parallel_provider.lifecycle.run import ResourceNames
from parallel_provider.sendable import mapped, whole

DOOR = Door(has_old_configuration=True)
WORKERS = 32
_RESOURCE_NAME = "resource_name"
_NAMES = ("organization", "project", "stack", "parent_types")

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


def widen_thread_pool(workers: int = WORKERS) -> bool:
    """Let the thread pool of this call grow to `workers` threads; return whether that worked.

    The SDK has four threads for all dynamic resources of a run. Two hundred creates then wait for
    each other, whatever `--parallel` says, and no setting changes that. But the arguments of a
    pool's thread have a reference to the pool. If a later Python or SDK works differently, this
    function changes nothing.
    """
    started_with = getattr(threading.current_thread(), "_args", None) or (None,)
    pool = started_with[0]() if isinstance(started_with[0], weakref.ref) else None
    size = getattr(pool, "_max_workers", None)
    if not isinstance(pool, ThreadPoolExecutor) or not isinstance(size, int):
        return False
    pool._max_workers = max(size, workers)
    return True


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


@functools.cache
def adapter_of(kind: str) -> Adapter:
    """Return the adapter of a kind of resource."""
    return Adapter(lifecycle_of(kind))


class Adapter:
    """One kind of resource, with the methods and types of the SDK's dynamic providers.

    `process` returns the process that a call belongs to: this one, unless another is given.
    """

    def __init__(
        self, lifecycle: Lifecycle[Any, Any], process: Callable[[], Process] = process
    ) -> None:
        self._calls = Calls(lifecycle)
        self._process = process
        self._name_input = self._calls.name_input or ""
        self._default_name = f"default_{self._name_input}"

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Check inputs. The names that the program sends stay among them, but for the default."""
        call = self._call(news, olds)
        with call.reporting("checking"):
            checked, failures = self._calls.check(
                call, self._without_names(olds), self._without_names(news)
            )
        inputs = {n: value for n, value in {**news, **checked}.items() if n != self._default_name}
        # Without a property: the engine would print its value, even that of a secret.
        return CheckResult(_to_sdk(inputs), [CheckFailure("", line) for line in failures])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Compare outputs with inputs."""
        call = self._call(news, olds)
        with call.reporting("comparing"):
            diff, _ = self._calls.diff(call, _from_sdk(olds), _from_sdk(news))
        # None: the engine compares the inputs itself.
        found_by_engine = diff.changed and diff.by_inputs and not diff.replaces
        return DiffResult(
            changes=None if found_by_engine else diff.changed, replaces=list(diff.replaces)
        )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Create from inputs."""
        call = self._call(props)
        with call.reporting("creating"):
            resource_id, outputs = self._calls.create(call, _from_sdk(props))
        return CreateResult(resource_id, _outputs(outputs, props))

    def read(self, resource_id: str, props: dict[str, Any]) -> ReadResult:
        """Read the present outputs. `.get` sends inputs alone."""
        call = self._call(props)
        with call.reporting("reading"):
            found = self._calls.read(call, resource_id, _from_sdk(props))
        if found is None:
            # An empty id tells the engine that the resource doesn't exist any more.
            return ReadResult("", {})
        return ReadResult(resource_id, _outputs(found[0], props))

    def update(self, resource_id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Update in place."""
        call = self._call(news, olds)
        with call.reporting("updating"):
            outputs = self._calls.update(call, resource_id, _from_sdk(olds), _from_sdk(news))
        return UpdateResult(_outputs(outputs, news))

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Delete by outputs."""
        call = self._call(props)
        with call.reporting("deleting"):
            self._calls.delete(call, _from_sdk(props))

    def _call(self, *props: Mapping[str, Any]) -> Call:
        """Describe a call. The first of `props` has the resource's names now."""
        news = props[0]
        given = {name: str(news[name]) for name in _NAMES if news.get(name)}
        names = ResourceNames(name=str(news.get(_RESOURCE_NAME) or ""), **given)
        # Only a resource whose name input may be a secret has its own name beside it.
        may_be_secret = [each for each in props if each.get(_RESOURCE_NAME) is not None]
        secret_names = tuple(each.get(self._name_input) for each in may_be_secret)
        return Call(
            self._process(),
            self._subject(news),
            names,
            secret_names=secret_names,
            default_name=str(news.get(self._default_name) or ""),
        )

    def _subject(self, props: Mapping[str, Any]) -> str:
        kind = self._calls.lifecycle.kind
        names = (props.get(n) for n in (_RESOURCE_NAME, self._name_input, self._default_name))
        shown = next((name for name in names if name is not None), None)
        return f"{kind} {shown!r}" if isinstance(shown, str) else kind

    def _without_names(self, props: Mapping[str, Any]) -> dict[str, Any]:
        names = (*_NAMES, _RESOURCE_NAME, self._default_name)
        return _from_sdk({name: value for name, value in props.items() if name not in names})


def _from_sdk(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties as `calls` has them: with its own UNKNOWN, and whole numbers as int."""
    known: dict[str, Any] = mapped(
        props, lambda value: UNKNOWN if isinstance(value, SdkUnknown) else whole(value)
    )
    return known


def _to_sdk(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with the SDK's unknown value."""
    sent: dict[str, Any] = mapped(
        props, lambda value: SDK_UNKNOWN if isinstance(value, Unknown) else value
    )
    return sent


def _outputs(outputs: Mapping[str, Any], props: Mapping[str, Any]) -> dict[str, Any]:
    """Return outputs without those that are None, which the engine would drop too.

    Later calls get the outputs alone, and messages need the resource's name.
    """
    own_name = {_RESOURCE_NAME: props.get(_RESOURCE_NAME)}
    return {n: value for n, value in (own_name | dict(outputs)).items() if value is not None}
