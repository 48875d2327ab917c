"""Send single requests to one host, each limited in time and size.

The API's client and the sign-in both use this, so that a failure is classified in one place: the
request was never sent, or it was sent and no usable answer came. It follows no redirect and repeats
no request.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpx

from parallel_provider.errors import SettingsError
from parallel_provider.printable import masked, printable
from parallel_provider.settings import is_loopback
from parallel_provider.version import __version__

# Files or folders with certificates. httpx and uv know the first two, pip and requests the others.
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
DEFAULT_MAX_BYTES = 1024 * 1024
# The body of an error is only read to be quoted.
MAX_ERROR_BYTES = 64 * 1024
HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": f"parallel-provider/{__version__}",
}

_BAD_REQUEST = 400
_CONNECT_SECONDS = 10.0
# A host may have several addresses. One that doesn't answer leaves time for the next one.
_CONNECT_PART = 1 / 3
_SHORTEST_SECONDS = 0.001
_GZIP = zlib.MAX_WBITS | 16
# The first three describe the body as it was sent. No redirect is followed, and httpx would raise
# errors for a Location that is no URL.
_DROPPED_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding", b"location")
# The name of the request extension that holds a call's _Limits.
_LIMITS = "limits"

# httpx raises these before a byte of the request is sent. (It has LocalProtocolError for a header
# that can't be sent; HTTP/2, where that isn't so, is off.)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
# Other texts of these errors quote what the server sent, which may be a secret.
_TEXTS_WITHOUT_QUOTES = ("Server disconnected", "peer closed connection")


class RequestNotSentError(Exception):
    """The request was never sent; the text says why."""


class NoUsableAnswerError(Exception):
    """The request was sent, and no whole answer came; the text says why."""


class OversizedAnswerError(Exception):
    """The server reported success with a body larger than allowed; the text says how large."""


class HttpSender:
    """Sends single requests to one host; safe to use from several threads.

    Each thread has its own connection: a shared pool would look through all connections for each
    request, and with 32 threads that takes longer than the request. `url_setting` is the name of
    the setting of `base_url`, for errors. Raises SettingsError if the proxy or certificate
    variables of the environment can't be used.
    """

    def __init__(self, base_url: str, url_setting: str, auth: httpx.Auth | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self.host = urlsplit(base_url).netloc
        self._url_setting = url_setting
        self._auth = auth
        self._tls = tls_context(base_url)
        self._proxy = environment_proxy(base_url)
        self._thread_local = threading.local()
        self._clients: list[httpx.Client] = []

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        json: dict[str, Any] | None = None,
        data: dict[str, str] | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> httpx.Response:
        """Send a request once; return its answer, whatever its status, with the whole body.

        `seconds` is the time for everything: the connection, the request and the whole answer. A
        body may have `max_bytes`, both raw and decompressed. The body of an answer with an error
        status is cut off at these limits. Raises RequestNotSentError, NoUsableAnswerError or
        OversizedAnswerError; SettingsError for a URL that no request can be sent to.
        """
        client = self._client
        limits = {_LIMITS: _Limits(seconds, max_bytes)}
        try:
            request = client.build_request(
                method, self._base_url + path, json=json, data=data, extensions=limits
            )
            return self._send(client, request)
        except (httpx.InvalidURL, UnicodeError):
            raise SettingsError(
                f"{method} {path} can't be sent to {self.host!r}, which is no host: check the "
                f"configured {self._url_setting}"
            ) from None

    def _send(self, client: httpx.Client, request: httpx.Request) -> httpx.Response:
        try:
            return client.send(request)
        except _NOT_SENT as error:
            raise RequestNotSentError(self._reason(error)) from None
        except httpx.RequestError as error:
            if error.request is not request:
                # What failed is the request before this one, which checks the access token.
                raise RequestNotSentError(self._reason(error)) from None
            if isinstance(error, _BodyTooLargeError):
                raise OversizedAnswerError(str(error)) from None
            raise NoUsableAnswerError(_reason(error)) from None

    def _reason(self, error: Exception) -> str:
        """Return why nothing was sent. Names the proxy, if there is one."""
        reason = _reason(error)
        if self._proxy is None:
            return reason
        proxy = self._proxy.url.netloc.decode(errors="replace")
        if isinstance(error, httpx.ProxyError):
            return f"the proxy {proxy} refused the connection: {reason}"
        return f"{reason}, through the proxy {proxy}"

    @property
    def _client(self) -> httpx.Client:
        """Return the client of this thread. Make it if there is none."""
        client: httpx.Client | None = getattr(self._thread_local, "client", None)
        if client is None:
            with _environment_errors():
                transport = _LimitedTransport(verify=self._tls, proxy=self._proxy)
            client = httpx.Client(
                auth=self._auth,
                headers=HEADERS,
                transport=transport,
                # The token may go to the configured host only.
                follow_redirects=False,
                trust_env=False,
            )
            self._thread_local.client = client
            self._clients.append(client)
        return client


class _Limits:
    """The limits of one call. Its requests share the time.

    The time between two requests doesn't count: the access token may be renewed in between.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self.seconds_left = seconds
        self.max_bytes = max_bytes


class _BodyTooLargeError(httpx.RequestError):
    """An answer's body is larger than the request allows."""


class _LimitedTransport(httpx.HTTPTransport):
    """Reads each answer whole, within the limits of its request.

    httpx limits the time of each read only, and reads a body of any size.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and read its answer."""
        limits: _Limits = request.extensions[_LIMITS]
        ends_at = time.monotonic() + limits.seconds_left
        _limit_phases(request, limits.seconds_left, ends_at)
        try:
            response = super().handle_request(request)
            with contextlib.closing(response):
                return _whole(response, limits.max_bytes, ends_at)
        finally:
            limits.seconds_left = ends_at - time.monotonic()


def _limit_phases(request: httpx.Request, seconds: float, ends_at: float) -> None:
    """Give each phase of a request (write, read headers, read body) the time that is then left.

    httpx tells `trace` of the beginning of each phase, and reads the timeouts after that.
    """
    connect_seconds = min(_CONNECT_SECONDS, seconds * _CONNECT_PART)
    timeouts = {"connect": max(connect_seconds, _SHORTEST_SECONDS)}

    def trace(event: str, _: object) -> None:
        left = ends_at - time.monotonic()
        if left <= 0 and event == "http11.send_request_headers.started":
            raise httpx.ConnectTimeout("the time of the whole call is over")
        timeouts["write"] = timeouts["read"] = max(left, _SHORTEST_SECONDS)

    request.extensions = {**request.extensions, "timeout": timeouts, "trace": trace}


def _whole(response: httpx.Response, max_bytes: int, ends_at: float) -> httpx.Response:
    """Return the answer with its body, decompressed.

    If the body of an error can't be read to its end, the rest is left out: the status is enough.
    """
    body = bytearray()
    is_error = response.status_code >= _BAD_REQUEST
    try:
        for piece in _pieces(response, min(max_bytes, MAX_ERROR_BYTES) if is_error else max_bytes):
            body += piece
            if time.monotonic() > ends_at:
                raise httpx.ReadTimeout("the time of the whole call is over")
    except httpx.RequestError:
        if not is_error:
            raise
    headers = [item for item in response.headers.raw if item[0].lower() not in _DROPPED_HEADERS]
    return httpx.Response(
        response.status_code,
        headers=headers,
        content=bytes(body),
        extensions=response.extensions,
    )


def _pieces(response: httpx.Response, max_bytes: int) -> Iterator[bytes]:
    """Yield the body in pieces, decompressed.

    httpx would decompress a piece at once, whatever its size is then, and use what is cut off.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise httpx.DecodingError("its Content-Encoding wasn't asked for")
    decoder = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    size = 0
    for raw in response.iter_raw():
        try:
            piece = decoder.decompress(raw, max_bytes + 1 - size) if decoder else raw
        except zlib.error:
            raise httpx.DecodingError("its body can't be decompressed") from None
        size += len(piece)
        if max(size, response.num_bytes_downloaded) > max_bytes:
            raise _BodyTooLargeError(f"more than {max_bytes // 1024} KiB")
        yield piece
    if decoder and not decoder.eof and response.num_bytes_downloaded:
        raise httpx.DecodingError("its compressed body ends too early")


def tls_context(base_url: str) -> ssl.SSLContext:
    """Return the TLS context for the host of `base_url`. Raises SettingsError.

    Loading the certificates takes 30 ms and 3 MiB. Plain http doesn't need them, so its context has
    none.
    """
    if urlsplit(base_url).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = _certificates() if _trusts_environment(base_url) else None
    variable, path = found or ("", certifi.where())
    is_folder = Path(path).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if is_folder else path, capath=path if is_folder else None
        )
    except OSError as error:  # also for a file that holds no certificates
        raise SettingsError(
            f"the certificates of {variable}={path} can't be used ({error.strerror or error}): "
            "name a file or folder with certificates (PEM), or unset it"
        ) from None


def _certificates() -> tuple[str, str] | None:
    """Return the first variable of the environment that names certificates, and its value."""
    named = ((name, os.environ.get(name, "")) for name in CERTIFICATE_VARIABLES)
    return next(((name, path) for name, path in named if path), None)


def environment_proxy(base_url: str) -> httpx.Proxy | None:
    """Return the proxy that the environment names for the host of `base_url`.

    Raises SettingsError if it isn't the URL of a proxy.
    """
    if not _trusts_environment(base_url):
        return None
    parts = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass(parts.netloc):
        return None
    with _environment_errors():
        return httpx.Proxy(url if "://" in url else f"http://{url}")


def _trusts_environment(base_url: str) -> bool:
    # A proxy can't reach the loopback addresses of this machine.
    return not is_loopback(urlsplit(base_url).hostname or "")


@contextlib.contextmanager
def _environment_errors() -> Iterator[None]:
    try:
        yield
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        # The error may quote a part of the URL, and a password in it.
        reason = "no valid URL" if isinstance(error, httpx.InvalidURL) else error
        raise SettingsError(
            f"the proxy or certificate variables of the environment can't be used: {reason}"
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"timed out: {type(error).__name__}"
    if isinstance(error, httpx.LocalProtocolError):
        # Its text quotes the header that can't be sent, with the access token.
        return "the URL or the access token has characters that HTTP doesn't allow"
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        found = _certificates()
        now = f"now it is {found[0]}={found[1]}" if found else "now none of them is set"
        return (
            f"{printable(text)}; if a proxy with an authority of its own is in between, name its "
            f"certificates in {' or '.join(CERTIFICATE_VARIABLES[::2])} ({now})"
        )
    if isinstance(error, httpx.RemoteProtocolError):
        return text if text.startswith(_TEXTS_WITHOUT_QUOTES) else "what came isn't HTTP"
    return printable(masked(text)) or type(error).__name__
