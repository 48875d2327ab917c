"""The provider process, and typed calls to it.

Dynamic providers don't support secrets. Requests carry plain values. In answers, a value is marked
as secret if the property of that name was secret in the request.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from parallel_provider.testing.engine import values
from parallel_provider.testing.engine.diffs import ProviderDiff
from parallel_provider.testing.engine.errors import EngineError
from parallel_provider.testing.engine.processes import ChildProcess
from parallel_provider.testing.engine.urns import name_of, type_of
from parallel_provider.testing.engine.values import Properties

CHANNEL_OPTIONS: Final = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
]
_START_SECONDS: Final = 60.0
_CHANGES: Final = {
    provider_pb2.DiffResponse.DIFF_UNKNOWN: None,
    provider_pb2.DiffResponse.DIFF_NONE: False,
    provider_pb2.DiffResponse.DIFF_SOME: True,
}
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class ProviderError(EngineError):
    """The provider raised an exception, or its process ended. The text is the provider's."""


@dataclass(frozen=True)
class CheckResult:
    """Checked inputs, and the failures as (property, reason)."""

    inputs: Properties
    failures: list[tuple[str, str]]


@dataclass(frozen=True)
class ReadResult:
    """Result of a read. An empty id means that the resource no longer exists."""

    id: str
    outputs: Properties
    inputs: Properties | None


class ProviderProcess:
    """The process that runs all dynamic providers of one operation."""

    def __init__(
        self,
        *,
        engine_address: str,
        work_dir: str,
        env: Mapping[str, str],
        on_line: Callable[[str], object],
    ) -> None:
        self._port: queue.Queue[str | None] = queue.Queue()
        self._on_line = on_line
        self._port_seen = False
        self._process = ChildProcess(
            "pulumi.dynamic",
            [engine_address],
            work_dir=work_dir,
            env=env,
            on_line=self._line,
            on_exit=lambda _code: self._port.put(None),
        )
        self._channel: grpc.Channel | None = None

    def configure(self, config: Properties) -> None:
        """Wait until the provider has started, and send it the stack's configuration."""
        try:
            port = self._port.get(timeout=_START_SECONDS)
        except queue.Empty:
            port = None
        if port is None:
            raise ProviderError("the provider process ended, or didn't answer, before it was ready")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        request = provider_pb2.ConfigureRequest(
            args=values.to_wire(config, secrets=True), acceptSecrets=True, acceptResources=True
        )
        _call(self._stub.Configure, request)

    def end(self) -> None:
        """End the process."""
        if self._channel is not None:
            self._channel.close()
        self._process.end()

    def check(self, urn: str, olds: Properties, news: Properties) -> CheckResult:
        """Check inputs."""
        request = provider_pb2.CheckRequest(
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            olds=_without_secrets(olds),
            news=_without_secrets(news),
        )
        response = _call(self._stub.Check, request)
        inputs = values.marked_like(values.from_wire(response.inputs), news)
        return CheckResult(inputs, [(f.property, f.reason) for f in response.failures])

    def diff(
        self,
        urn: str,
        id_: str,
        *,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: list[str],
    ) -> ProviderDiff:
        """Compare a resource with new inputs."""
        request = provider_pb2.DiffRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=_without_secrets(old_inputs),
            olds=_without_secrets(old_outputs),
            news=_without_secrets(new_inputs),
            ignoreChanges=ignore_changes,
        )
        response = _call(self._stub.Diff, request)
        return ProviderDiff(
            _CHANGES[response.changes], tuple(response.replaces), response.deleteBeforeReplace
        )

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        """Create a resource. Return its id and outputs."""
        request = provider_pb2.CreateRequest(
            urn=urn, name=name_of(urn), type=type_of(urn), properties=_without_secrets(inputs)
        )
        response = _call(self._stub.Create, request)
        if not response.id:
            raise ProviderError(f"plugin returned empty resource.ID from create '{urn}'")
        return response.id, values.marked_like(values.from_wire(response.properties), inputs)

    def update(
        self,
        urn: str,
        id_: str,
        *,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: list[str],
    ) -> Properties:
        """Update a resource. Return its outputs."""
        request = provider_pb2.UpdateRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=_without_secrets(old_inputs),
            olds=_without_secrets(old_outputs),
            news=_without_secrets(new_inputs),
            ignoreChanges=ignore_changes,
        )
        response = _call(self._stub.Update, request)
        return values.marked_like(values.from_wire(response.properties), new_inputs)

    def read(self, urn: str, id_: str, *, inputs: Properties, state: Properties) -> ReadResult:
        """Read a resource."""
        request = provider_pb2.ReadRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            inputs=_without_secrets(inputs),
            properties=_without_secrets(state),
        )
        response = _call(self._stub.Read, request)
        outputs = values.marked_like(values.from_wire(response.properties), state)
        inputs_found = None
        if response.HasField("inputs"):
            inputs_found = values.marked_like(values.from_wire(response.inputs), inputs)
        return ReadResult(response.id, outputs, inputs_found)

    def delete(self, urn: str, id_: str, *, inputs: Properties, outputs: Properties) -> None:
        """Delete a resource."""
        request = provider_pb2.DeleteRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=_without_secrets(inputs),
            properties=_without_secrets(outputs),
        )
        _call(self._stub.Delete, request)

    def _line(self, line: str) -> None:
        if not self._port_seen and line.isdigit():
            self._port_seen = True
            self._port.put(line)
        else:
            self._on_line(line)


def _without_secrets(properties: Properties) -> Struct:
    return values.to_wire(properties, secrets=False)


def _call(method: Callable[[_Request], _Response], request: _Request) -> _Response:
    try:
        return method(request)
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            raise ProviderError("error reading from server: EOF") from None
        raise ProviderError(str(error.details())) from None
