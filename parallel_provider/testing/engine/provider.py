"""The provider process, and typed calls to it.

Dynamic providers know nothing of secrets: they are taken off on the way in, and put back on what
comes out under the same name.
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
from parallel_provider.testing.engine.decisions import ProviderDiff
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
    """The provider raised, or is gone; the text is what it said."""


@dataclass(frozen=True)
class Checked:
    """Inputs as the provider wants them, and what is wrong with them: (property, reason)."""

    inputs: Properties
    failures: list[tuple[str, str]]


@dataclass(frozen=True)
class Found:
    """What a look at a resource gave; an empty id means that it is gone."""

    id: str
    outputs: Properties
    inputs: Properties | None


class ProviderProcess:
    """One process for all dynamic resources of an operation."""

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
        self._greeted = False
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
        """Wait until the provider is there, and hand it the stack's configuration."""
        try:
            port = self._port.get(timeout=_START_SECONDS)
        except queue.Empty:
            port = None
        if port is None:
            raise ProviderError("the provider process ended, or hung, before it was ready")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        request = provider_pb2.ConfigureRequest(
            args=values.to_wire(config, secrets=True), acceptSecrets=True, acceptResources=True
        )
        _called(self._stub.Configure, request)

    def end(self) -> None:
        """End the process."""
        if self._channel is not None:
            self._channel.close()
        self._process.end()

    def check(self, urn: str, olds: Properties, news: Properties) -> Checked:
        """Ask whether the inputs are good."""
        request = provider_pb2.CheckRequest(
            urn=urn, name=name_of(urn), type=type_of(urn), olds=_bare(olds), news=_bare(news)
        )
        response = _called(self._stub.Check, request)
        inputs = values.marked_like(values.from_wire(response.inputs), news)
        return Checked(inputs, [(f.property, f.reason) for f in response.failures])

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
        """Ask what the new inputs would change."""
        request = provider_pb2.DiffRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=_bare(old_inputs),
            olds=_bare(old_outputs),
            news=_bare(new_inputs),
            ignoreChanges=ignore_changes,
        )
        response = _called(self._stub.Diff, request)
        return ProviderDiff(
            _CHANGES[response.changes], tuple(response.replaces), response.deleteBeforeReplace
        )

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        """Make a resource; return its id and outputs."""
        request = provider_pb2.CreateRequest(
            urn=urn, name=name_of(urn), type=type_of(urn), properties=_bare(inputs)
        )
        response = _called(self._stub.Create, request)
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
        """Change a resource; return its outputs."""
        request = provider_pb2.UpdateRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=_bare(old_inputs),
            olds=_bare(old_outputs),
            news=_bare(new_inputs),
            ignoreChanges=ignore_changes,
        )
        response = _called(self._stub.Update, request)
        return values.marked_like(values.from_wire(response.properties), new_inputs)

    def read(self, urn: str, id_: str, *, inputs: Properties, state: Properties) -> Found:
        """Look at a resource."""
        request = provider_pb2.ReadRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            inputs=_bare(inputs),
            properties=_bare(state),
        )
        response = _called(self._stub.Read, request)
        outputs = values.marked_like(values.from_wire(response.properties), state)
        live = None
        if response.HasField("inputs"):
            live = values.marked_like(values.from_wire(response.inputs), inputs)
        return Found(response.id, outputs, live)

    def delete(self, urn: str, id_: str, *, inputs: Properties, outputs: Properties) -> None:
        """Delete a resource."""
        request = provider_pb2.DeleteRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=_bare(inputs),
            properties=_bare(outputs),
        )
        _called(self._stub.Delete, request)

    def _line(self, line: str) -> None:
        if not self._greeted and line.isdigit():
            self._greeted = True
            self._port.put(line)
        else:
            self._on_line(line)


def _bare(properties: Properties) -> Struct:
    return values.to_wire(properties, secrets=False)


def _called(method: Callable[[_Request], _Response], request: _Request) -> _Response:
    try:
        return method(request)
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            raise ProviderError("error reading from server: EOF") from None
        raise ProviderError(str(error.details())) from None
