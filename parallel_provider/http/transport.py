"""An httpx transport that limits the time and the size of a whole call.

httpx limits the time of each read only, so an answer that comes byte by byte never ends, and it
reads a body of any size. Here, all reads and writes of a call share one time limit, including TLS
and headers. A body is refused once it is too large, before or after it is decompressed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Iterable, Iterator

import httpcore
import httpx

from parallel_provider.http.messages import BodyError, BodyTooLargeError, bounded_body

TIME_LIMIT = "time_limit"
MAX_BYTES = "max_bytes"
"""The names of the request extensions that hold the limits."""

# The body of an error is only read to be quoted.
MAX_ERROR_BYTES = 64 * 1024
_CONNECT_SECONDS = 10.0
_BAD_REQUEST = 400

CONNECTION_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)
"""Everything that httpcore raises for a connection; they have no common base class."""


class TimeLimit:
    """The seconds that the requests of one call may take together.

    The time between two requests doesn't count: the access token may be renewed in between.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._started_at: float | None = None

    @property
    def seconds_left(self) -> float:
        """The seconds that are left."""
        if self._started_at is None:
            return self._seconds
        return self._seconds - (time.monotonic() - self._started_at)

    def start(self) -> None:
        """Begin a request."""
        self._started_at = time.monotonic()

    def stop(self) -> None:
        """End a request."""
        self._seconds = self.seconds_left
        self._started_at = None


class BoundedTransport(httpx.BaseTransport):
    """Connections of one thread to one host.

    `current` is the latest request. If a call has two requests, it shows which one failed.
    """

    def __init__(self, tls: ssl.SSLContext, proxy: httpx.Proxy | None = None) -> None:
        self.current: httpx.Request | None = None
        self._backend = _LimitedBackend()
        self._pool = _open_pool(tls, proxy, self._backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. The body of its answer is read later, by whoever uses it."""
        limit: TimeLimit = request.extensions[TIME_LIMIT]
        self.current = request
        self._backend.limit = limit
        limit.start()
        try:
            response = self._pool.handle_request(_to_httpcore(request))
        except BaseException:
            limit.stop()
            raise
        return _to_httpx(response, limit, request.extensions[MAX_BYTES])

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _LimitedBackend(httpcore.NetworkBackend):
    """Opens connections that use the time limit of the current request."""

    def __init__(self) -> None:
        self.limit = TimeLimit(0)
        self._sync = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - `limit` replaces it
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        ends_at = time.monotonic() + min(_CONNECT_SECONDS, self.seconds(httpcore.ConnectTimeout))
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        addresses = _addresses(host, port)
        for number, address in enumerate(addresses):
            # Each address gets a part of the time, so that a silent one doesn't use up all of it.
            seconds = (ends_at - time.monotonic()) / (len(addresses) - number)
            if seconds <= 0:
                break
            try:
                stream = self._sync.connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _LimitedStream(stream, self)
        raise failure

    def seconds(self, error: type[Exception]) -> float:
        """Return the seconds that are left. Raise `error` if none are."""
        left = self.limit.seconds_left
        if left <= 0:
            raise error("the time of the whole call is over")
        return left


class _LimitedStream(httpcore.NetworkStream):
    """A connection whose reads and writes use the time limit of the current request."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _LimitedBackend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read at most `max_bytes`."""
        return self._stream.read(max_bytes, self._backend.seconds(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write the whole buffer."""
        self._stream.write(buffer, self._backend.seconds(httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Start TLS on the connection."""
        seconds = min(_CONNECT_SECONDS, self._backend.seconds(httpcore.ConnectTimeout))
        return _LimitedStream(
            self._stream.start_tls(ssl_context, server_hostname, seconds), self._backend
        )

    def get_extra_info(self, info: str) -> object:
        """Return a fact about the connection, as httpcore names it."""
        return self._stream.get_extra_info(info)


class _Body(httpx.SyncByteStream):
    """An answer's body, decompressed and limited.

    If the body of an error can't be read to its end, the rest is left out: the status is enough.
    """

    def __init__(
        self, response: httpcore.Response, limit: TimeLimit, max_bytes: int, encoding: str
    ) -> None:
        self._response = response
        self._limit = limit
        self._is_error = response.status >= _BAD_REQUEST
        self._max_bytes = min(max_bytes, MAX_ERROR_BYTES) if self._is_error else max_bytes
        self._encoding = encoding

    def __iter__(self) -> Iterator[bytes]:
        end_at_failure = (
            contextlib.suppress(*CONNECTION_ERRORS, BodyError, BodyTooLargeError)
            if self._is_error
            else contextlib.nullcontext()
        )
        with end_at_failure:
            raw = self._response.iter_stream()
            yield from bounded_body(raw, self._encoding, self._max_bytes)

    def close(self) -> None:
        """End the answer. The connection is closed if the body was not read to its end."""
        self._response.close()
        self._limit.stop()


def _addresses(host: str, port: int) -> list[str]:
    # A name that can't be encoded raises UnicodeError, which the sender turns into SettingsError.
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _to_httpcore(request: httpx.Request) -> httpcore.Request:
    return httpcore.Request(
        method=request.method,
        url=_to_httpcore_url(request.url),
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


def _to_httpcore_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _to_httpx(response: httpcore.Response, limit: TimeLimit, max_bytes: int) -> httpx.Response:
    encodings = [
        value.decode("latin-1").strip().lower()
        for name, value in response.headers
        if name.lower() == b"content-encoding"
    ]
    body = _Body(response, limit, max_bytes, ", ".join(encodings) or "identity")
    headers = response.headers
    if encodings:
        # They describe the compressed body, and this one is decompressed.
        dropped = (b"content-encoding", b"content-length")
        headers = [(name, value) for name, value in headers if name.lower() not in dropped]
    return httpx.Response(
        response.status, headers=headers, stream=body, extensions=response.extensions
    )


def _open_pool(
    tls: ssl.SSLContext, proxy: httpx.Proxy | None, backend: httpcore.NetworkBackend
) -> httpcore.ConnectionPool:
    if proxy is None:
        return httpcore.ConnectionPool(ssl_context=tls, network_backend=backend)
    url = _to_httpcore_url(proxy.url)
    if proxy.url.scheme in ("http", "https"):
        return httpcore.HTTPProxy(
            url,
            proxy_auth=proxy.raw_auth,
            proxy_headers=proxy.headers.raw,
            ssl_context=tls,
            proxy_ssl_context=proxy.ssl_context,
            network_backend=backend,
        )
    try:
        return httpcore.SOCKSProxy(
            url, proxy_auth=proxy.raw_auth, ssl_context=tls, network_backend=backend
        )
    except RuntimeError as error:  # the package socksio is missing
        raise ImportError(str(error)) from None
