"""What stands before every route: counting, the log, latency, and injected faults.

The whole request is read before anything is done, and the work is done before anything is held
back: a client that goes away while it waits finds its work done, as with a real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .connection import break_connection
from .faults import Fault
from .large_bodies import gzip_bomb
from .odd_values import NoSuchFieldError, with_odd_values
from .routes import RouteTable
from .state import EmulatorState

Headers = list[tuple[bytes, bytes]]

_GARBAGE = b"<html><body>\xff\xfe{not json at all"
_HTML = b"text/html; charset=utf-8"
_JSON = b"application/json"
_ENDLESS_PIECE = b" " * (64 << 10)
_FIRST_ERROR_STATUS = 400


@dataclass(slots=True)
class Answer:
    """A whole response, before any of it is sent."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""


class Traffic:
    """Middleware for the API and its sign-in; control and live page pass it uncounted."""

    def __init__(self, app: ASGIApp, state: EmulatorState, routes: RouteTable) -> None:
        self.app = app
        self.state = state
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request through counting, work and whatever is to go wrong."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path == "/" or path.startswith("/_emulator/"):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        method, route = scope["method"], self.routes.template_of(path)
        _, client_port = scope.get("client") or (None, None)
        logged = self.state.record(method, path, route, client_port)
        fault = self.state.faults.take(method, route)
        kind = logged.fault = fault.kind if fault else None
        if kind == "drop_before":
            await _drop(scope, receive)
            return
        answer = await self._answer(scope, body, fault)
        if kind == "drop_after":
            await _drop(scope, receive)
            return
        if kind == "hang":
            await self._hang(scope, receive)
            return
        logged.status = answer.status
        self._stamp(answer)
        await self._hold_back(fault)
        if kind == "truncate":
            await _send_half(answer, scope, receive, send)
        elif fault and kind in ("drip", "endless"):
            await self._send_without_end(answer, fault, scope, receive, send)
        else:
            await _send(answer, send)

    async def _answer(self, scope: Scope, body: bytes, fault: Fault | None) -> Answer:
        if fault and fault.kind == "status":
            return _replaced(Answer(), fault, default=b'{"detail":"Injected fault"}')
        answer = await self._work(scope, body)
        if fault and fault.kind == "garbage":
            return _replaced(answer, fault, default=_GARBAGE)
        if fault and fault.kind == "gzip_bomb":
            return _with_body(answer, gzip_bomb(fault.size_bytes), (b"content-encoding", b"gzip"))
        if fault and fault.kind == "odd":
            return _with_odd_values(answer, fault)
        return answer

    async def _work(self, scope: Scope, body: bytes) -> Answer:
        """Let the application answer completely, whatever the client does meanwhile."""
        answer = Answer()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = list(message.get("headers", []))
            else:
                answer.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return answer

    def _stamp(self, answer: Answer) -> None:
        """Add the Date header, unless a fault has set one."""
        if not any(name == b"date" for name, _ in answer.headers):
            date = email.utils.formatdate(self.state.clock.now(), usegmt=True)
            answer.headers.append((b"date", date.encode()))

    async def _hold_back(self, fault: Fault | None) -> None:
        """Wait with the answer, but don't keep the emulator from ending."""
        seconds = self.state.settings.latency_seconds
        if fault and fault.kind == "delay":
            seconds += fault.seconds
        if seconds:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.state.closing.wait(), seconds)

    async def _send_without_end(
        self, answer: Answer, fault: Fault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send the answer and then spaces, until the client has had enough or the emulator ends.

        Spaces after JSON are JSON: nothing but the end says that it was all. `drip` sends one byte
        every so many seconds, `endless` sends as fast as the client reads.
        """
        headers = [header for header in answer.headers if header[0] != b"content-length"]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        gone = asyncio.create_task(_client_gone(receive))
        closing = asyncio.create_task(self.state.closing.wait())
        left = fault.size_bytes
        for piece in _pieces(answer.body, 1 if fault.kind == "drip" else len(_ENDLESS_PIECE)):
            if left <= 0 or gone.done() or closing.done():
                break
            await send({"type": "http.response.body", "body": piece[:left], "more_body": True})
            left -= len(piece)
            pause = fault.seconds if fault.kind == "drip" else 0
            await asyncio.wait((gone, closing), timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        break_connection(scope, send_what_was_written=not closing.done())
        closing.cancel()
        await gone

    async def _hang(self, scope: Scope, receive: Receive) -> None:
        """Never answer: until the client has had enough, or the emulator ends."""
        waits = [
            asyncio.create_task(_client_gone(receive)),
            asyncio.create_task(self.state.closing.wait()),
        ]
        _done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        await _drop(scope, receive)


async def _read(receive: Receive) -> bytes | None:
    """Return the request's whole body, or None when the client left before it was all there."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drop(scope: Scope, receive: Receive) -> None:
    """Break the connection without an answer, and wait until the server has noticed."""
    break_connection(scope)
    await _client_gone(receive)


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_half(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Announce the whole body, send half of it, and break the connection."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    break_connection(scope, send_what_was_written=True)
    await _client_gone(receive)


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    """Yield a body in pieces, and then spaces for ever."""
    for start in range(0, len(body), size):
        yield body[start : start + size]
    while True:
        yield _ENDLESS_PIECE[:size]


def _with_odd_values(answer: Answer, fault: Fault) -> Answer:
    """Change the fields of a successful answer; a refusal stays as it is."""
    if answer.status >= _FIRST_ERROR_STATUS:
        return answer
    try:
        body = with_odd_values(answer.body, fault.replace, fault.remove)
    except NoSuchFieldError as error:
        detail = f"The answer has no field {str(error)!r} for the fault `odd` to change"
        answer.status, body = 500, json.dumps({"detail": detail}).encode()
    return _with_body(answer, body)


def _with_body(answer: Answer, body: bytes, *more_headers: tuple[bytes, bytes]) -> Answer:
    """Return the answer with another body."""
    headers = [header for header in answer.headers if header[0] != b"content-length"]
    headers += [(b"content-length", str(len(body)).encode()), *more_headers]
    return Answer(answer.status, headers, body)


def _replaced(answer: Answer, fault: Fault, default: bytes) -> Answer:
    """Return the answer as the fault wants it, where it says so."""
    if fault.body is None:
        body, content_type = default, _HTML if default.startswith(b"<") else _JSON
    elif isinstance(fault.body, str):
        body, content_type = fault.body.encode(), _HTML
    else:
        body, content_type = json.dumps(fault.body).encode(), _JSON
    headers = {b"content-type": content_type, b"content-length": str(len(body)).encode()}
    headers |= {name.lower().encode(): text.encode() for name, text in fault.headers.items()}
    return Answer(fault.status or answer.status, list(headers.items()), body)
