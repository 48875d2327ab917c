"""Runs the plugin: `pulumi-resource-parallel ENGINE_ADDRESS`, as the engine does."""

from __future__ import annotations

import gc
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from parallel_provider.plugin.protocol import provider_pb2_grpc
from parallel_provider.plugin.servicer import Engine, Provider
from parallel_provider.plugin.settings import take_stack_configuration

# As many calls at the same time as the dynamic provider allows.
WORKERS = 32
_MAX_MESSAGE_BYTES = 400 * 1024 * 1024
_SECONDS_BETWEEN_LOOKS = 1.0


def serve(provider: Provider) -> tuple[grpc.Server, int]:
    """Serve a provider on a free port of this machine; return the server and the port."""
    server = grpc.server(
        ThreadPoolExecutor(WORKERS),
        options=[
            ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main() -> None:
    """Serve one provider until the engine ends this process, or is gone itself."""
    # What is loaded now stays until the end: the garbage collector needn't look at it.
    gc.freeze()
    engine = Engine(sys.argv[1] if len(sys.argv) > 1 else "")
    server, port = serve(Provider(engine, take_stack_configuration()))
    # The engine reads the port from the first line.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    server.wait_for_termination()


def _end_with_parent(parent: int) -> None:
    """End this process when the engine is gone: a killed one ends none of its plugins."""
    never = threading.Event()
    while os.getppid() == parent:
        never.wait(_SECONDS_BETWEEN_LOOKS)
    os._exit(0)


if __name__ == "__main__":
    main()
