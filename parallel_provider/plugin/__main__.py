"""Runs the plugin: `pulumi-resource-parallel ENGINE_ADDRESS`, as the engine does.

With the arguments of a command, it is the command line:
`pulumi plugin run --kind resource parallel -- login`.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from parallel_provider.plugin.protocol import provider_pb2_grpc
from parallel_provider.plugin.servicer import Engine, Provider
from parallel_provider.plugin.settings import take_stack_configuration
from parallel_provider.printable import call_commands_by_path

# As many calls at the same time as the dynamic provider allows.
WORKERS = 32
_MAX_MESSAGE_BYTES = 400 * 1024 * 1024
_SECONDS_BETWEEN_LOOKS = 1.0
_ADDRESS = re.compile(r"[^/]*:\d+")


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


def main(*, commands_by_path: bool = False) -> None:
    """Run a command, or serve one provider until the engine ends this process or is gone itself.

    With `commands_by_path`, messages name the command line by its path, unless it is on PATH.
    """
    arguments = sys.argv[1:]
    if commands_by_path:
        call_commands_by_path()
    # The engine's address is the last one. Flags for logs can come before it.
    address = arguments[-1] if arguments else ""
    if address and not _ADDRESS.fullmatch(address):
        from parallel_provider.cli import main as run_command  # noqa: PLC0415 - not for serving

        sys.exit(run_command(arguments))
    _serve_until_the_end(address)


def _serve_until_the_end(address: str) -> None:
    # What is loaded now stays until the end: the garbage collector needn't look at it.
    gc.freeze()
    server, port = serve(Provider(Engine(address), take_stack_configuration()))
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
