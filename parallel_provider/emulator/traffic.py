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
from .faults import Answer, change_answer, status_answer, take_fault
from .state import ServerState

# Where the server puts a connection's transport, in the state of each of its requests.
TRANSPORT = "emulator.transport"

_PIECE_BYTES = 64 << 10


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
        method, route = scope["method"], self.state.route_of(path)
        _, client_port = scope.get("client") or (None, None)
        logged = self.state.record(method, path, route, client_port)
        fault = take_fault(self.state.faults, method, route)
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
        if fault and kind in ("truncate", "drip", "endless"):
            await self._send_and_break(answer, fault, scope, receive, send)
            return
        head = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        await send(head)
        await send({"type": "http.response.body", "body": answer.body})

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
            date = email.utils.formatdate(self.state.now(), usegmt=True)
            answer.headers.append((b"date", date.encode()))

    async def _delay(self, fault: Fault | None) -> None:
        """Wait before the answer is sent, but no longer than the emulator runs."""
        seconds = self.state.settings["latency_seconds"]
        if fault and fault.kind == "delay":
            seconds += fault.seconds
        if seconds:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.state.closing.wait(), seconds)

    async def _send_and_break(
        self, answer: Answer, fault: Fault, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send what the fault makes of a body, and break the connection.

        Sending stops when the client leaves or the emulator ends.
        """
        headers = answer.headers
        if fault.kind != "truncate":
            headers = [header for header in headers if header[0] != b"content-length"]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        client_left = asyncio.create_task(_wait_until_client_leaves(receive))
        closing = asyncio.create_task(self.state.closing.wait())
        waits = (client_left, closing)
        pause = fault.seconds if fault.kind == "drip" else 0
        for piece in _pieces(answer.body, fault):
            if client_left.done() or closing.done():
                break
            await send({"type": "http.response.body", "body": piece, "more_body": True})
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


def _pieces(body: bytes, fault: Fault) -> Iterator[bytes]:
    """Yield half of the body, or all of it and then spaces until the size is reached.

    JSON with spaces behind it is still JSON, so only the end of the body tells the client that it
    has all of it. `drip` sends single bytes; `endless` sends as fast as the client reads.
    """
    if fault.kind == "truncate":
        yield body[: len(body) // 2]
        return
    size = 1 if fault.kind == "drip" else _PIECE_BYTES
    for start in range(0, fault.size_bytes, size):
        yield body[start : start + size].ljust(size)[: fault.size_bytes - start]
