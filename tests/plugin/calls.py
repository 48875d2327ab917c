"""Calls a plugin over gRPC, as the engine does, and keeps what it logs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2_grpc, plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as proto

from parallel_provider.plugin.__main__ import serve
from parallel_provider.plugin.servicer import Engine, Provider
from parallel_provider.plugin.values import from_struct, to_struct

Props = dict[str, Any]
INTERNAL = {"creators", "delivered", "ownerId", "seenBy"}
"""The outputs of keys that programs can't use."""


def assert_previewed(expected: Props, real: Props) -> None:
    """Check that a preview showed all that the run returned, but for internal outputs."""
    assert real.keys() >= INTERNAL
    assert expected == {name: value for name, value in real.items() if name not in INTERNAL}


def urn(kind: str, name: str, parents: str = "") -> str:
    """Return the URN of a resource of the package."""
    return f"urn:pulumi:prod::shop::{parents}parallel:index:{kind}::{name}"


class EngineLog(engine_pb2_grpc.EngineServicer):
    """Keeps the messages of a plugin, with the URN of each."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def Log(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802, ANN401, ARG002
        """Keep a message."""
        self.messages.append((request.urn, request.message))
        return empty_pb2.Empty()


class Plugin:
    """A plugin that is served in this process, with a log in place of an engine."""

    def __init__(self, stack_configuration: Props | None = None) -> None:
        self.log = EngineLog()
        self._log_servers: list[grpc.Server] = []
        self._provider = Provider(Engine(self._new_engine()), stack_configuration)
        self._server, port = serve(self._provider)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def __enter__(self) -> Plugin:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channel.close()
        self._server.stop(None).wait()
        # Another engine may get the address of this one, and this process goes on.
        self._provider.close()
        for log_server in self._log_servers:
            log_server.stop(None).wait()

    def _new_engine(self) -> str:
        server = grpc.server(ThreadPoolExecutor(2))
        engine_pb2_grpc.add_EngineServicer_to_server(self.log, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._log_servers.append(server)
        return f"127.0.0.1:{port}"

    def begin_run(self, settings: Props | None = None) -> None:
        """Begin another run of Pulumi, as for an attached plugin: another engine, configured."""
        self.stub.Attach(plugin_pb2.PluginAttach(address=self._new_engine()))
        self.configure(settings or {})

    def configure(self, settings: Props, name: str = "default_0_1_0") -> Any:  # noqa: ANN401 - a message
        """Configure the provider as an `up` does, and return what gets into the state."""
        request = proto.CheckRequest(news=to_struct(settings), name=name)
        checked = self.stub.CheckConfig(request).inputs
        self.configure_from_state(checked, name)
        return checked

    def configure_from_state(self, checked: struct_pb2.Struct, name: str) -> None:
        """Configure the provider as a refresh or a destroy does."""
        self.stub.Configure(proto.ConfigureRequest(args=checked, name=name))

    def check(self, urn: str, news: Props, olds: Props | None = None) -> tuple[Props, list[str]]:
        """Return checked inputs, and the reasons of failures."""
        request = proto.CheckRequest(urn=urn, olds=to_struct(olds or {}), news=to_struct(news))
        answer = self.stub.Check(request)
        assert not any(failure.property for failure in answer.failures)
        return from_struct(answer.inputs), [failure.reason for failure in answer.failures]

    def create(self, urn: str, inputs: Props, *, preview: bool = False) -> tuple[str, Props]:
        """Return the id and the outputs of a new resource."""
        answer = self.stub.Create(
            proto.CreateRequest(urn=urn, properties=to_struct(inputs), preview=preview)
        )
        return answer.id, from_struct(answer.properties)

    def diff(self, urn: str, olds: Props, news: Props, old_inputs: Props | None = None) -> Any:  # noqa: ANN401 - a message
        """Return the answer to a diff."""
        return self.stub.Diff(
            proto.DiffRequest(
                urn=urn,
                olds=to_struct(olds),
                news=to_struct(news),
                old_inputs=to_struct(old_inputs or {}),
            )
        )

    def update(
        self,
        urn: str,
        olds: Props,
        news: Props,
        *,
        old_inputs: Props | None = None,
        preview: bool = False,
    ) -> Props:
        """Return the outputs after an update."""
        request = proto.UpdateRequest(
            urn=urn,
            olds=to_struct(olds),
            news=to_struct(news),
            old_inputs=to_struct(old_inputs or {}),
            preview=preview,
        )
        return from_struct(self.stub.Update(request).properties)

    def read(
        self, urn: str, resource_id: str, outputs: Props | None = None
    ) -> tuple[str, Props, Props]:
        """Return the id, the outputs and the inputs of a resource. Without outputs: an import.

        A `get` has empty outputs.
        """
        properties = None if outputs is None else to_struct(outputs)
        request = proto.ReadRequest(urn=urn, id=resource_id, properties=properties)
        answer = self.stub.Read(request)
        return answer.id, from_struct(answer.properties), from_struct(answer.inputs)

    def delete(self, urn: str, outputs: Props) -> None:
        """Delete a resource."""
        self.stub.Delete(proto.DeleteRequest(urn=urn, properties=to_struct(outputs)))

    def cancel(self) -> None:
        """Say that the user has cancelled the run."""
        self.stub.Cancel(empty_pb2.Empty())

    def invoke(self, function: str, arguments: Props) -> Any:  # noqa: ANN401 - a message
        """Return the answer of a function."""
        token = f"parallel:index:{function}"
        return self.stub.Invoke(proto.InvokeRequest(tok=token, args=to_struct(arguments)))


def create_rotating_key(plugin: Plugin, app_id: str) -> tuple[Props, Props]:
    """Return the checked inputs and the outputs of a new rotating key."""
    resource = urn("RotatingApiKey", "svc")
    news = {"appId": app_id, "rotateAfter": "30d", "overlap": "1d"}
    inputs, failures = plugin.check(resource, news)
    assert failures == []
    return inputs, plugin.create(resource, inputs)[1]
