"""Middleware in front of the API and its sign-in: counts, logs, delays, and applies faults.

A request is read completely before any work is done. The work is done before an answer is
delayed, so it is done even when the client leaves while it waits, as with a real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections.abc import Iterator

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .control_models import Fault
from .faults import Answer, change_answer, status_answer
from .state import ServerState

# Where the server puts a connection's transport, in the state of each of its requests.
TRANSPORT = "emulator.transport"

_PIECE = b" " * (64 << 10)


class Traffic:
    """The middleware. Control routes and the overview page pass it without being counted."""

    def __init__(self, app: ASGIApp, state: ServerState) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record one request, do its work, and send the answer or what a fault makes of it."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path == "/" or path.startswith("/_emulator/"):
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        method, route = scope["method"], self.state.routes.template_of(path)
        _, client_port = scope.get("client") or (None, None)
        logged = self.state.record(method, path, route, client_port)
        fault = self.state.faults.take(method, route)
        kind = logged["fault"] = fault.kind if fault else None
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
        logged["status"] = answer.status
        self._add_date(answer)
        await self._delay(fault)
        if kind == "truncate":
            await _send_half(answer, scope, receive, send)
        elif fault and kind in ("drip", "endless"):
            await self._send_without_end(answer, fault, scope, receive, send)
        else:
            await _send(answer, send)

    async def _answer(self, scope: Scope, body: bytes, fault: Fault | None) -> Answer:
        if fault and fault.kind == "status":
            return status_answer(fault)
        answer = await self._work(scope, body)
        return change_answer(answer, fault) if fault else answer

    async def _work(self, scope: Scope, body: bytes) -> Answer:
        """Run the application to its end, even if the client leaves meanwhile."""
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

    def _add_date(self, answer: Answer) -> None:
        """Add the Date header, unless a fault has set one."""
        if not any(name == b"date" for name, _ in answer.headers):
            date = email.utils.formatdate(self.state.clock.now(), usegmt=True)
            answer.headers.append((b"date", date.encode()))

    async def _delay(self, fault: Fault | None) -> None:
        """Wait before the answer is sent, but no longer than the emulator runs."""
        seconds = self.state.settings.latency_seconds
        if fault and fault.kind == "delay":
            seconds += fault.seconds
        if seconds:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.state.closing.wait(), seconds)

    async def _send_without_end(
        self, answer: Answer, fault: Fault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send the answer and then spaces, until the client leaves or the emulator ends.

        JSON with spaces behind it is still JSON, so only the end of the body tells the client that
        it has all of it. `drip` sends one byte every so many seconds; `endless` sends as fast as
        the client reads.
        """
        headers = [header for header in answer.headers if header[0] != b"content-length"]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        client_left = asyncio.create_task(_wait_until_client_leaves(receive))
        closing = asyncio.create_task(self.state.closing.wait())
        waits = (client_left, closing)
        left = fault.size_bytes
        for piece in _pieces(answer.body, 1 if fault.kind == "drip" else len(_PIECE)):
            if left <= 0 or client_left.done() or closing.done():
                break
            await send({"type": "http.response.body", "body": piece[:left], "more_body": True})
            left -= len(piece)
            pause = fault.seconds if fault.kind == "drip" else 0
            await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        _break_connection(scope, send_what_was_written=not closing.done())
        closing.cancel()
        await client_left

    async def _hang(self, scope: Scope, receive: Receive) -> None:
        """Wait without an answer until the client leaves or the emulator ends."""
        waits = [
            asyncio.create_task(_wait_until_client_leaves(receive)),
            asyncio.create_task(self.state.closing.wait()),
        ]
        _done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        await _drop(scope, receive)


async def _read(receive: Receive) -> bytes | None:
    """Return the request's whole body, or None if the client left before it was complete."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


async def _wait_until_client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _send_half(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Announce the length of the whole body, send half of it, and break the connection."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    half = answer.body[: len(answer.body) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
    _break_connection(scope, send_what_was_written=True)
    await _wait_until_client_leaves(receive)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Break the connection without an answer, and wait until uvicorn has noticed."""
    _break_connection(scope)
    await _wait_until_client_leaves(receive)


def _break_connection(scope: Scope, *, send_what_was_written: bool = False) -> None:
    """Close the connection that a request came on.

    ASGI has no message for this, so it uses the transport that `server.py` keeps for it.
    """
    transport: asyncio.Transport | None = scope.get("state", {}).get(TRANSPORT)
    if transport is None:
        # The application runs in-process, without a network connection.
        raise ConnectionResetError("the connection was broken by an injected fault")
    if send_what_was_written:
        transport.close()
    else:
        transport.abort()


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    """Yield a body in pieces, and then spaces without an end."""
    for start in range(0, len(body), size):
        yield body[start : start + size]
    while True:
        yield _PIECE[:size]
