"""Builds the emulator's ASGI application, and serves it on a local address until it is told to end.

`create_app` needs no network, so tests can also call the application in their own process.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import uvicorn
from fastapi import FastAPI
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from . import api_key, app, balance, control, pages, refusals, sign_in
from .control_models import Settings
from .state import ServerState
from .traffic import TRANSPORT, Traffic

# The routes that programs use. Only these are counted, and only these can meet faults.
_SERVICE_ROUTERS = (
    app.router,
    api_key.router,
    balance.router,
    sign_in.router,
    pages.approval_router,
)
_GRACE_SECONDS = 2
_STANDARD_OUTPUT = "-"


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the emulator as an ASGI application with its own state."""
    routes = [
        route for router in _SERVICE_ROUTERS for route in router.routes if isinstance(route, Route)
    ]
    state = ServerState(settings or {}, routes)
    application = FastAPI(title="Account API", version="0.1.0", openapi_url=None)
    application.state.emulator = state
    refusals.install(application)
    for router in (*_SERVICE_ROUTERS, control.router, pages.overview_router):
        application.include_router(router)
    application.add_middleware(Traffic, state=state)
    application.add_middleware(refusals.LocalOnly)
    return application


class _CannotServe(click.ClickException):
    """The emulator can't be started with these options; the text is one line for a person."""

    exit_code = 2


class _Connection(H11Protocol):
    """An HTTP/1.1 connection that a fault can break.

    ASGI has no way to break one, so requests get the connection's transport in their state.
    """

    def connection_made(  # type: ignore[override] # as in the class above
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class _Server(uvicorn.Server):
    """A uvicorn server that calls back when it is started, and ends all waits when it ends."""

    def __init__(
        self, config: uvicorn.Config, state: ServerState, on_start: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._state = state
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._state.closing.set()
        await super().shutdown(sockets)


def serve(
    host: str, port: int, *, settings: Settings, ready_file: str | None, exit_with_stdin: bool
) -> None:
    """Serve until SIGTERM or SIGINT.

    Once connections are accepted, `ready_file` is written, and the variables to export are printed.
    If it is `-`, it is standard output, and nothing else is printed. With `exit_with_stdin`, it
    also ends when its standard input ends. So if standard input is a pipe, it ends with the process
    at the other end, however that process ends.
    """
    if ready_file not in (None, _STANDARD_OUTPUT) and not Path(ready_file).parent.is_dir():
        raise _CannotServe(f"can't write {ready_file}: there is no such folder")
    listener = _listen(host, port)
    application = create_app(settings)
    state: ServerState = application.state.emulator
    ready = {
        "url": _url_of(listener),
        "access_token": state.access_token,
        "org_id": state.organizations[0].org_id,
        "pid": os.getpid(),
    }
    config = uvicorn.Config(
        application,
        http=_Connection,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,  # `Traffic` adds it, with the emulator's own time
        proxy_headers=False,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, state, lambda: _announce(ready, ready_file))

    def end(*_: object) -> None:
        server.should_exit = True

    # When uvicorn has ended, it raises again the signals that it caught; these handlers keep that
    # from killing the process. They also catch a signal that comes before uvicorn's own handlers
    # are installed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if exit_with_stdin:
        threading.Thread(target=_wait_for_end_of_stdin, args=(end,), daemon=True).start()
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    if not refusals.is_loopback(host):
        raise _CannotServe(
            f"the emulator serves this machine only: {host!r} is no loopback address "
            "(use 127.0.0.1, ::1 or localhost)"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY, which sends small answers at once, only if the protocol is given.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise _CannotServe(
            f"can't listen on {host}:{port}: {error.strerror or error} "
            "(choose another with --port; 0 takes any free one)"
        ) from None
    return listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(ready: dict[str, Any], ready_file: str | None) -> None:
    """Write the file, and print how to use the emulator as lines for a shell.

    The token is valid for this emulator only, so it may be shown.
    """
    if ready_file == _STANDARD_OUTPUT:
        click.echo(json.dumps(ready))
        return
    if ready_file is not None:
        # Atomically, and readable by its owner alone, as it holds a token.
        folder = Path(ready_file).parent
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as temporary:
            temporary.write(json.dumps(ready) + "\n")
        Path(temporary.name).replace(ready_file)
    url = ready["url"]
    click.echo("# The Account API emulator is running; Ctrl-C ends it.")
    click.echo(f"# Watch it at {url}/ and point programs to it with:")
    click.echo(f"export PARALLEL_SERVICE_API_URL={url}")
    click.echo(f"export PARALLEL_PLATFORM_URL={url}")
    click.echo(f"export PARALLEL_ACCESS_TOKEN={ready['access_token']}")


def _wait_for_end_of_stdin(end: Callable[[], None]) -> None:
    # Not `sys.stdin`: the interpreter crashes at its end if a thread waits in it.
    while os.read(0, 4096):
        pass
    end()
