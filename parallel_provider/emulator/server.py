"""Runs the emulator on a local address until it is told to end."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn

from .application import create_app
from .connection import BreakableConnection
from .guard import is_loopback
from .settings import Settings
from .state import EmulatorState

_GRACE_SECONDS = 2
STANDARD_OUTPUT = "-"


class CannotServe(Exception):  # noqa: N818 - reads as the sentence it is
    """The emulator can't be started as asked; the text is one line for a person."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What whoever started the emulator needs to know of it."""

    url: str
    access_token: str
    org_id: str
    pid: int


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is up, and lets go of what it holds when it ends."""

    def __init__(
        self, config: uvicorn.Config, state: EmulatorState, when_up: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._state = state
        self._when_up = when_up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._when_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.closing.set()
        await super().shutdown(sockets)


def serve(
    host: str = "127.0.0.1",
    port: int = 8090,
    *,
    settings: Settings | None = None,
    ready_file: str | None = None,
    announce: Callable[[Ready], None] | None = None,
    exit_with_stdin: bool = False,
) -> None:
    """Serve until SIGTERM or SIGINT.

    `ready_file` is written once connections are accepted (`-` is standard output), and then
    `announce` is called. With `exit_with_stdin` the end of standard input ends it too: a pipe
    there ends it with the process that holds the other end, however that dies.
    """
    if ready_file not in (None, STANDARD_OUTPUT) and not Path(ready_file).parent.is_dir():
        raise CannotServe(f"can't write {ready_file}: there is no such folder")
    listener = _listen(host, port)
    application = create_app(settings)
    state = application.state.emulator
    ready = Ready(
        url=_url_of(listener),
        access_token=state.access_token,
        org_id=state.organization.org_id,
        pid=os.getpid(),
    )

    def when_up() -> None:
        if ready_file is not None:
            _write_ready_file(ready_file, ready)
        if announce is not None:
            announce(ready)

    config = uvicorn.Config(
        application,
        http=BreakableConnection,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,  # each answer has the emulator's own time, which tests can shift
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, state, when_up)

    def end(*_: object) -> None:
        server.should_exit = True

    # uvicorn raises the signals it caught once more when it has ended: with these handlers in
    # place that is the clean end it should be, and one that comes before uvicorn's own are in
    # place isn't lost.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if exit_with_stdin:
        threading.Thread(target=_when_stdin_ends, args=(end,), daemon=True).start()
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    if not is_loopback(host):
        raise CannotServe(
            f"the emulator serves this machine only: {host!r} is no loopback address "
            "(use 127.0.0.1, ::1 or localhost)"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Naming TCP matters: asyncio sends small answers at once (TCP_NODELAY) only for what says so.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise CannotServe(
            f"can't listen on {host}:{port}: {error.strerror or error} "
            "(choose another with --port; 0 takes any free one)"
        ) from None
    return listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _write_ready_file(path: str, ready: Ready) -> None:
    """Write all of it or nothing, readable by its owner alone: there is a token in it."""
    text = json.dumps(asdict(ready)) + "\n"
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    target = Path(path)
    with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False) as temporary:
        temporary.write(text)
    Path(temporary.name).replace(target)


def _when_stdin_ends(end: Callable[[], None]) -> None:
    # Not through `sys.stdin`: a thread that waits in it makes the interpreter's end a crash.
    while os.read(0, 4096):
        pass
    end()
