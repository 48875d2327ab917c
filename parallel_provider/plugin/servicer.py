"""Pulumi's provider protocol, as gRPC calls.

The messages are those of `pulumi.runtime.proto.provider_pb2`.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.message import Message

from parallel_provider.calls import Call, InitFailedError, Process, call_function
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of
from parallel_provider.plugin.protocol import (
    engine_pb2,
    engine_pb2_grpc,
    plugin_pb2,
    provider_pb2_grpc,
    status_pb2,
)
from parallel_provider.plugin.protocol import provider_pb2 as proto
from parallel_provider.plugin.resource import ResourceCalls, type_and_names
from parallel_provider.plugin.schema import SCHEMA_FILE, token
from parallel_provider.plugin.settings import (
    checked_arguments,
    settings_of,
    warning_of_a_move,
    warnings_about,
)
from parallel_provider.plugin.values import DOOR, from_struct, in_snake_case, to_struct
from parallel_provider.printable import printable
from parallel_provider.version import __version__

ResourceMethod = Callable[[ResourceCalls, Call, Any], Message]

_FAILED = grpc.StatusCode.UNKNOWN
_DETAILS = "grpc-status-details-bin"
"""The metadata in which gRPC sends a status with details."""
_NO_CUSTOM_TIMEOUTS = (
    "customTimeouts have no effect here: the time limit of each API call is the setting "
    "timeoutSeconds, of the stack's configuration or of the provider"
)

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


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


def _with_own_thread(method: MethodT) -> MethodT:
    """Let a call begin even if all other threads wait for the API."""
    # gRPC's server looks for this attribute.
    setattr(method, "experimental_thread_pool", ThreadPoolExecutor(1))  # noqa: B010 - methods don't declare it
    return method


def _resource_call(action: str, method: ResourceMethod) -> Callable[..., Any]:
    """Return a method of the protocol for requests about one resource."""

    def call(provider: Provider, request: Any, context: grpc.ServicerContext) -> Message:  # noqa: ANN401
        return provider.call_for_resource(action, request, context, method)

    return call


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider of the package `parallel`. The engine starts a process for each.

    `stack_configuration` is the part of the stack's present configuration that belongs to it, if
    the engine has told it.
    """

    def __init__(self, engine: Engine, stack_configuration: dict[str, Any] | None) -> None:
        self._engine = engine
        self._stack_configuration = stack_configuration
        self._process = Process(DOOR)
        self._cancellation = threading.Event()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Take the engine's address."""
        self._engine.connect(request.engine_address)
        # With secrets, it knows which inputs are secrets, and can keep them out of messages.
        return proto.ProviderHandshakeResponse(accept_secrets=True)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Take the address of an engine that this process wasn't started by."""
        self._engine.connect(request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Return the version."""
        return plugin_pb2.PluginInfo(version=__version__)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Return the schema of the package."""
        return proto.GetSchemaResponse(schema=SCHEMA_FILE.read_text())

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Accept the settings. `Configure` reads them."""
        inputs = checked_arguments(request.name, request.news, self._stack_configuration)
        return proto.CheckResponse(inputs=inputs)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Leave the comparison to the engine. Changed settings never replace a provider."""
        warning = warning_of_a_move(request.old_inputs, request.news)
        if warning:
            ResourceMessages(self._engine, request.urn).warn(warning)
        return proto.DiffResponse()

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Make the run from settings. No request is made.

        If that fails, the calls for resources fail: their errors stand at a resource, and the whole
        text stands at the first one only.
        """
        messages = ResourceMessages(self._engine)
        for warning in warnings_about(request.args, self._stack_configuration):
            messages.warn(warning)
        known = self._process.claims.engine_address
        if known != self._engine.address or self._cancellation.is_set():
            if known:
                # An attached plugin serves several runs, one after the other. The engine cancels
                # each at its end, and the next one may have the same address.
                self.close()
            self._cancellation = threading.Event()
            self._process = Process(DOOR, self._engine.address)
        config, guards = settings_of(from_struct(request.args), self._stack_configuration)
        with _aborting(context), Call(self._process).reporting("configuring the provider"):
            self._process.open(config, messages, stack=guards, cancellation=self._cancellation)
        return proto.ConfigureResponse(supportsPreview=True, acceptSecrets=True)

    Check = _resource_call("checking", ResourceCalls.check)
    Diff = _resource_call("comparing", ResourceCalls.diff)
    Create = _resource_call("creating", ResourceCalls.create)
    Read = _resource_call("reading", ResourceCalls.read)
    Update = _resource_call("updating", ResourceCalls.update)
    Delete = _resource_call("deleting", ResourceCalls.delete)

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Call a function."""
        name = next((n for n in FUNCTIONS if token(n) == request.tok), None)
        if name is None:
            text = DOOR.line(f"there is no function {request.tok}")
            context.abort(grpc.StatusCode.NOT_FOUND, text)
        given = in_snake_case(function_of(name).inputs_type.model_fields, from_struct(request.args))
        call = Call(self._process)
        with _aborting(context), call.reporting(f"calling {name}"):
            result, failures = call_function(call, name, given)
            if failures:
                # As failures of the answer, the engine would print a property after each: `()`.
                raise LifecycleError("; ".join(failures))
            answer = proto.InvokeResponse()
            getattr(answer, "return").CopyFrom(to_struct(result))
        return answer

    def close(self) -> None:
        """Take back what the run has claimed: this process goes on without it."""
        self._process.claims.close()

    @_with_own_thread
    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """End all waits and retries, and begin nothing new.

        A request that was sent still gets its answer, so that the state tells what exists.
        """
        self._cancellation.set()
        return empty_pb2.Empty()

    def call_for_resource(
        self,
        action: str,
        request: Any,  # noqa: ANN401 - a message of the protocol
        context: grpc.ServicerContext,
        method: ResourceMethod,
    ) -> Message:
        """Answer a request about one resource."""
        type_, names = type_and_names(request.urn)
        subject = f"{type_.rpartition(':')[2]} {names.name!r}"
        calls = _calls_of(type_)
        if calls is None:
            known = ", ".join(map(token, RESOURCES))
            text = f"the package has no type {printable(type_)}: it has {known}"
            context.abort(_FAILED, DOOR.line(f"{action} {subject}: {text}"))
        messages = ResourceMessages(self._engine, request.urn)
        if getattr(request, "timeout", 0):
            messages.warn(_NO_CUSTOM_TIMEOUTS)
        secret_names = calls.secret_names(*_properties_in(request))
        call = Call(self._process, subject, names, messages, secret_names, names.name)
        with _aborting(context, calls, request), call.reporting(action):
            return method(calls, call, request)


@contextlib.contextmanager
def _aborting(
    context: grpc.ServicerContext,
    calls: ResourceCalls | None = None,
    request: Any = None,  # noqa: ANN401 - a message of the protocol
) -> Iterator[None]:
    """End a call that fails with the line of its error."""
    try:
        yield
    except InitFailedError as error:
        if calls is None:
            raise AssertionError("only resources are unfinished") from None
        given = request.news if isinstance(request, proto.UpdateRequest) else request.properties
        details = proto.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=calls.outputs(error.outputs, given),
            reasons=[str(error)],
        )
        context.set_trailing_metadata(((_DETAILS, _status(str(error), details)),))
        context.abort(_FAILED, str(error))
    except ParallelError as error:
        context.abort(_FAILED, str(error))


def _status(line: str, details: Message) -> bytes:
    status = status_pb2.Status(code=_FAILED.value[0], message=line)
    status.details.add().Pack(details)
    return status.SerializeToString()


def _properties_in(request: Message) -> list[struct_pb2.Struct]:
    return [value for _, value in request.ListFields() if isinstance(value, struct_pb2.Struct)]


@functools.cache
def _calls_of(type_: str) -> ResourceCalls | None:
    """Return the calls of a type of the schema. A policy knows no other spelling of it."""
    kind = next((kind for kind in RESOURCES if token(kind) == type_), None)
    return None if kind is None else ResourceCalls(kind)
