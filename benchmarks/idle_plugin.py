"""A native plugin that does nothing: it shows the cost of Pulumi itself.

Its resource has the same outputs as an app, with values of the same length.
"""

from __future__ import annotations

import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as proto

_WORKERS = 32


class IdlePlugin(provider_pb2_grpc.ResourceProviderServicer):
    """Answers every call at once."""

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Accept the engine."""
        return proto.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Return a version."""
        return plugin_pb2.PluginInfo(version="0.1.0")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Accept every setting."""
        return proto.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Find no difference."""
        return proto.DiffResponse()

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Take the settings."""
        return proto.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Accept every input."""
        return proto.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Compare the names."""
        is_same = request.olds.fields["appName"] == request.news.fields["appName"]
        changes = proto.DiffResponse.DIFF_NONE if is_same else proto.DiffResponse.DIFF_SOME
        return proto.DiffResponse(changes=changes)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Make up an id."""
        outputs = struct_pb2.Struct()
        app_id = str(uuid.uuid4())
        organization = {"orgId": "org_0123456789abcdef", "orgName": "Example Organization"}
        outputs.update({"appId": app_id, **organization})
        outputs.fields["appName"].CopyFrom(request.properties.fields["appName"])
        if request.preview:
            return proto.CreateResponse(properties=request.properties)
        return proto.CreateResponse(id=app_id, properties=outputs)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Find what the state has."""
        return proto.ReadResponse(
            id=request.id, properties=request.properties, inputs=request.inputs
        )

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """Delete nothing."""
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, ANN401, ARG002
        """End nothing."""
        return empty_pb2.Empty()


def main() -> None:
    """Serve it until the engine ends this process."""
    server = grpc.server(ThreadPoolExecutor(_WORKERS))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(IdlePlugin(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
