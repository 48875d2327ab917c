"""Pulumi's provider protocol, as gRPC calls.

The messages are those of `pulumi.runtime.proto.provider_pb2`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.message import Message

from parallel_provider.cancellation import Cancellation
from parallel_provider.errors import LifecycleError, ParallelError, SettingsError
from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.lifecycle.declarations import check_inputs
from parallel_provider.lifecycle.failures import bug_text, failure_text
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.plugin.messages import Engine, ResourceMessages
from parallel_provider.plugin.names import line_for_engine
from parallel_provider.plugin.protocol import plugin_pb2, provider_pb2_grpc, status_pb2
from parallel_provider.plugin.protocol import provider_pb2 as proto
from parallel_provider.plugin.resource import (
    InitFailedError,
    ResourceCalls,
    is_first,
    names_in,
    type_in,
)
from parallel_provider.plugin.schema import SCHEMA_FILE, token
from parallel_provider.plugin.settings import (
    checked_arguments,
    setting_warnings,
    settings_of,
)
from parallel_provider.plugin.values import (
    from_struct,
    in_snake_case,
    sendable,
)
from parallel_provider.printable import printable
from parallel_provider.session import open_run
from parallel_provider.version import __version__

_SAME_CAUSE = "the same cause as before: see that error"
Answer = TypeVar("Answer")

_DETAILS = "grpc-status-details-bin"
"""The metadata in which gRPC sends a status with details."""

MethodT = TypeVar("MethodT", bound=Callable[..., Any])


def _with_own_thread(method: MethodT) -> MethodT:
    """Let a call begin even if all other threads wait for the API."""
    # gRPC's server looks for this attribute.
    setattr(method, "experimental_thread_pool", ThreadPoolExecutor(1))  # noqa: B010 - methods don't declare it
    return method


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider of the package `parallel`. The engine starts a process for each.

    `stack_configuration` is the part of the stack's present configuration that belongs to it, if
    the engine has told it.
    """

    def __init__(self, engine: Engine, stack_configuration: dict[str, Any] | None) -> None:
        self._engine = engine
        self._stack_configuration = stack_configuration
        self._run: Run | None = None
        self._claims = Claims()
        self._failure: ParallelError | None = None  # of the configuration
        self._lock = threading.Lock()
        self._cancellation = Cancellation()

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
        return proto.DiffResponse()

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Make the run from settings. No request is made.

        If that fails, the calls for resources fail: their errors stand at a resource, and the whole
        text stands at the first one only.
        """
        messages = ResourceMessages(self._engine)
        for warning in setting_warnings(request.args, self._stack_configuration):
            messages.warn(warning)
        if self._claims.engine_address != self._engine.address:
            # An attached plugin serves several runs, one after the other.
            self._claims = Claims(self._engine.address)
        config, guards = settings_of(from_struct(request.args), self._stack_configuration)
        with _one_line("configuring the provider", context):
            try:
                self._run = open_run(
                    config,
                    messages,
                    stack=guards,
                    cancellation=self._cancellation,
                    claims=self._claims,
                )
            except ParallelError as error:
                self._failure = error
        return proto.ConfigureResponse(supportsPreview=True, acceptSecrets=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Check inputs."""
        return self._call("checking", request, context, ResourceCalls.check)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Compare outputs with inputs."""
        return self._call("comparing", request, context, ResourceCalls.diff)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Create a resource."""
        return self._call("creating", request, context, ResourceCalls.create)

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Read a resource."""
        return self._call("reading", request, context, ResourceCalls.read)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Update a resource in place."""
        return self._call("updating", request, context, ResourceCalls.update)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Delete a resource."""
        self._call("deleting", request, context, ResourceCalls.delete)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401
        """Call a function."""
        name = next((n for n in FUNCTIONS if token(n) == request.tok), None)
        if name is None:
            text = line_for_engine(f"there is no function {request.tok}")
            context.abort(grpc.StatusCode.NOT_FOUND, text)
        function = function_of(name)
        given = from_struct(request.args)
        checked = check_inputs(
            function.inputs_type, in_snake_case(function.inputs_type.model_fields, given)
        )
        if checked.problems:
            return proto.InvokeResponse(
                failures=[
                    proto.CheckFailure(reason=line_for_engine(each.text))
                    for each in checked.problems
                ]
            )
        with _one_line(f"calling {name}", context):
            self._refuse_if_cancelled()
            run = self._configured()
            run.require_allowed_organization()
            result = function.call(run, function.inputs_type.model_validate(checked.inputs))
            answer = proto.InvokeResponse()
            getattr(answer, "return").CopyFrom(sendable(dict(result)))
        return answer

    @_with_own_thread
    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """End all waits and retries, and begin nothing new.

        A request that was sent still gets its answer, so that the state tells what exists.
        """
        self._cancellation.cancel()
        return empty_pb2.Empty()

    def _call(
        self,
        doing: str,
        request: Any,  # noqa: ANN401 - a message of the protocol
        context: grpc.ServicerContext,
        call: Callable[[ResourceCalls, Context, Any], Answer],
    ) -> Answer:
        type_, names = type_in(request.urn), names_in(request.urn)
        subject = f"{type_.rpartition(':')[2]} {names.name!r}"
        with _one_line(f"{doing} {subject}", context, self._run, subject):
            self._refuse_if_cancelled()
            messages = ResourceMessages(self._engine, request.urn)
            calls = _calls_of(type_)
            calls.hide_secret_name(*_properties_in(request))
            creating = self._claims.creating(subject) if is_first(request) else nullcontext()
            with creating:
                run = self._configured()
                return call(calls, Context(run, names, messages, subject), request)

    def _refuse_if_cancelled(self) -> None:
        if self._cancellation.is_cancelled:
            raise LifecycleError("the run was cancelled before this began, so nothing was done")

    def _configured(self) -> Run:
        with self._lock:
            if self._failure is not None:
                failure, self._failure = self._failure, SettingsError(_SAME_CAUSE)
                raise failure
        if self._run is None:
            raise AssertionError("the engine configures a provider before it calls it")
        return self._run


@contextmanager
def _one_line(
    doing: str, context: grpc.ServicerContext, run: Run | None = None, subject: str = ""
) -> Iterator[None]:
    """End a call that fails with one line, without a traceback and without a secret."""
    try:
        yield
    except InitFailedError as error:
        line = line_for_engine(f"{doing}: {error.reason}")
        details = proto.ErrorResourceInitFailed(
            id=error.resource_id, properties=error.outputs, reasons=[line]
        )
        context.set_trailing_metadata(((_DETAILS, _status(line, details)),))
        context.abort(grpc.StatusCode.UNKNOWN, line)
    except ParallelError as error:
        _abort(context, doing, failure_text(run, error, subject) if run else str(error))
    except Exception as error:  # noqa: BLE001 - a user must not see it
        _abort(context, doing, bug_text(error))


def _abort(context: grpc.ServicerContext, doing: str, text: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, line_for_engine(f"{doing}: {text}"))
    raise AssertionError("abort raises")


def _status(line: str, details: Message) -> bytes:
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=line)
    status.details.add().Pack(details)
    return status.SerializeToString()


def _properties_in(request: Message) -> list[struct_pb2.Struct]:
    return [value for _, value in request.ListFields() if isinstance(value, struct_pb2.Struct)]


@functools.cache
def _calls_of(type_: str) -> ResourceCalls:
    """Return the calls of a type of the schema. A policy knows no other spelling of it."""
    kind = next((kind for kind in RESOURCES if token(kind) == type_), None)
    if kind is None:
        known = ", ".join(map(token, RESOURCES))
        raise LifecycleError(f"the package has no type {printable(type_)}: it has {known}")
    return ResourceCalls(kind)
