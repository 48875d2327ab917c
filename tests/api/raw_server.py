"""A server that answers with any bytes that a test gives it."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterable, Iterator

Script = Callable[[str], Iterable[bytes]]
"""Takes the first line of a request, and returns the pieces of its answer."""


class RawServer:
    """Answers the first request of each connection, piece by piece, until the client closes it."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[str] = []
        self.closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """End it and what it is sending."""
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._answer, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            line = _read_request(connection)
            self.requests.append(line)
            for piece in self._script(line):
                if self.closing.is_set():
                    return
                connection.sendall(piece)

    def slowly(self, pieces: Iterable[bytes], seconds: float = 0.05) -> Iterator[bytes]:
        """Give one piece after the other, with a pause after each."""
        for piece in pieces:
            yield piece
            self.closing.wait(seconds)


def _read_request(connection: socket.socket) -> str:
    """Read a whole request and return its first line. Unread bytes would reset the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    missing = int(length[1]) - len(body) if length else 0
    while missing > 0:
        missing -= len(connection.recv(65536)) or missing
    return head.decode().split("\r\n")[0]


@contextlib.contextmanager
def raw_server(script: Script) -> Iterator[RawServer]:
    """Run a server while a test needs it."""
    server = RawServer(script)
    try:
        yield server
    finally:
        server.close()


def head(status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """Return the head of an answer."""
    # Without it, a client would send its next request on a connection that is being closed.
    always = ("Content-Type: application/json", "Connection: close")
    lines = [f"HTTP/1.1 {status}", *always, *headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole answer."""
    return head(status, *headers, length=len(body)) + body


def endless(piece: bytes) -> Iterator[bytes]:
    """Give a piece again and again."""
    while True:
        yield piece
