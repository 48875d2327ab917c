"""The provider process, and typed calls to it.

Dynamic providers and most plugins don't accept secrets. Then requests carry plain values. In
answers, a value is marked as secret if the property of that name was secret in the request.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from pulumi_embedded import values
from pulumi_embedded.diffs import ProviderDiff
from pulumi_embedded.errors import EngineError
from pulumi_embedded.processes import ChildProcess
from pulumi_embedded.urns import name_of, type_of
from pulumi_embedded.values import Properties

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


class InitFailed(ProviderError):  # noqa: N818
    """The resource exists, but its last step failed. It belongs in the state."""

    def __init__(self, failure: provider_pb2.ErrorResourceInitFailed) -> None:
        self.reasons = list(failure.reasons)
        count = f"{len(self.reasons)} error{'s' if len(self.reasons) != 1 else ''} occurred:\n"
        super().__init__(count + "".join(f"\t* {reason}\n" for reason in self.reasons))
        self.id = failure.id
        self.outputs = values.from_wire(failure.properties)
        self.inputs = values.from_wire(failure.inputs) if failure.HasField("inputs") else None


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

    accepts_secrets = False
    has_previews = False  # of creates and updates

    def __init__(
        self,
        *,
        engine_address: str,
        work_dir: str,
        env: Mapping[str, str],
        on_line: Callable[[str], object],
        command: Sequence[str] = (),
    ) -> None:
        self._port: queue.Queue[str | None] = queue.Queue()
        self._on_line = on_line
        self._port_seen = False
        target, *arguments = command or ("pulumi.dynamic",)
        self._process = ChildProcess(
            target,
            [*arguments, engine_address],
            work_dir=work_dir,
            env=env,
            on_line=self._line,
            on_exit=lambda _code: self._port.put(None),
            is_command=bool(command),
        )
        self._channel: grpc.Channel | None = None

    def configure(self, config: Properties) -> None:
        """Wait until the provider has started, and send it the stack's configuration."""
        self._connect()
        request = provider_pb2.ConfigureRequest(
            args=values.to_wire(config, secrets=True), acceptSecrets=True, acceptResources=True
        )
        call(self._stub.Configure, request)

    def _connect(self) -> None:
        try:
            port = self._port.get(timeout=_START_SECONDS)
        except queue.Empty:
            port = None
        if port is None:
            raise ProviderError("the provider process ended, or didn't answer, before it was ready")
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS)
        self._stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

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
            olds=self._wire(olds),
            news=self._wire(news),
        )
        response = call(self._stub.Check, request)
        inputs = self._read(response.inputs, like=news)
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
            old_inputs=self._wire(old_inputs),
            olds=self._wire(old_outputs),
            news=self._wire(new_inputs),
            ignoreChanges=ignore_changes,
        )
        response = call(self._stub.Diff, request)
        return diff_in(response)

    def create(
        self, urn: str, inputs: Properties, *, preview: bool = False
    ) -> tuple[str, Properties]:
        """Create a resource. Return its id and outputs, or in a preview what is known of them."""
        if preview and not self.has_previews:
            return "", dict(inputs)
        request = provider_pb2.CreateRequest(
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            properties=self._wire(inputs),
            preview=preview,
        )
        response = call(self._stub.Create, request)
        if not response.id and not preview:
            raise ProviderError(f"plugin returned empty resource.ID from create '{urn}'")
        return response.id, self._read(response.properties, like=inputs)

    def update(
        self,
        urn: str,
        id_: str,
        *,
        old_inputs: Properties,
        old_outputs: Properties,
        new_inputs: Properties,
        ignore_changes: list[str],
        preview: bool = False,
    ) -> Properties:
        """Update a resource. Return its outputs, or in a preview what is known of them."""
        if preview and not self.has_previews:
            return dict(new_inputs)
        request = provider_pb2.UpdateRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=self._wire(old_inputs),
            olds=self._wire(old_outputs),
            news=self._wire(new_inputs),
            ignoreChanges=ignore_changes,
            preview=preview,
        )
        response = call(self._stub.Update, request)
        return self._read(response.properties, like=new_inputs)

    def read(
        self, urn: str, id_: str, *, inputs: Properties | None, state: Properties | None
    ) -> ReadResult:
        """Read a resource. For an import, there are no inputs and no state."""
        request = provider_pb2.ReadRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            inputs=None if inputs is None else self._wire(inputs),
            properties=None if state is None else self._wire(state),
        )
        response = call(self._stub.Read, request)
        outputs = self._read(response.properties, like=state or {})
        inputs_found = None
        if response.HasField("inputs"):
            inputs_found = self._read(response.inputs, like=inputs or {})
        return ReadResult(response.id, outputs, inputs_found)

    def delete(self, urn: str, id_: str, *, inputs: Properties, outputs: Properties) -> None:
        """Delete a resource."""
        request = provider_pb2.DeleteRequest(
            id=id_,
            urn=urn,
            name=name_of(urn),
            type=type_of(urn),
            old_inputs=self._wire(inputs),
            properties=self._wire(outputs),
        )
        call(self._stub.Delete, request)

    def _wire(self, properties: Properties) -> Struct:
        return values.to_wire(properties, secrets=self.accepts_secrets)

    def _read(self, struct: Struct, *, like: Properties) -> Properties:
        found = values.from_wire(struct)
        return found if self.accepts_secrets else values.marked_like(found, like)

    def _line(self, line: str) -> None:
        if not self._port_seen and line.isdigit():
            self._port_seen = True
            self._port.put(line)
        else:
            self._on_line(line)


def diff_in(response: provider_pb2.DiffResponse) -> ProviderDiff:
    """Read a diff from a message."""
    return ProviderDiff(
        _CHANGES[response.changes],
        tuple(response.replaces),
        response.deleteBeforeReplace,
        tuple(response.diffs),
    )


def call(method: Callable[[_Request], _Response], request: _Request) -> _Response:
    """Call a provider. Raise `ProviderError`, or `InitFailed` if the resource exists."""
    try:
        return method(request)
    except grpc.RpcError as error:
        if error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
            raise ProviderError("error reading from server: EOF") from None
        _raise_init_failure(error)
        raise ProviderError(str(error.details())) from None


def _raise_init_failure(error: grpc.RpcError) -> None:
    """Raise `InitFailed` if the details of an error say that the resource exists."""
    metadata = dict(getattr(error, "trailing_metadata", lambda: ())() or ())
    value = metadata.get("grpc-status-details-bin")
    if isinstance(value, bytes):
        for detail in status_pb2.Status.FromString(value).details:
            failure = provider_pb2.ErrorResourceInitFailed()
            if detail.Unpack(failure):
                raise InitFailed(failure) from None
