"""Send single requests to one host, each limited in time and size.

The API's client and the sign-in both use this, so that a failure is classified in one place: the
request was never sent, or it was sent and no usable answer came. It follows no redirect and repeats
no request.
"""

from __future__ import annotations

import contextlib
import os
import ssl
import sys
import threading
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import certifi

from parallel_provider.errors import SettingsError
from parallel_provider.printable import masked, printable
from parallel_provider.settings import is_loopback
from parallel_provider.version import __version__

# Without its command line, httpx is imported in half of the time: that imports rich, 5 MiB.
sys.modules.setdefault("httpx._main", cast(Any, None))
import httpx  # noqa: E402

if sys.modules["httpx._main"] is None:
    del sys.modules["httpx._main"]

# Files or folders with certificates. httpx and uv know the first two, pip and requests the others.
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

# A list of 100,000 apps has about 20 MB; other answers are short.
_MAX_BYTES = 1024 * 1024
_MAX_LIST_BYTES = 64 * _MAX_BYTES
_HEADERS = {
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
    """The request was sent, and no whole answer came that can be read; the text says why."""


class HttpSender:
    """Sends single requests to one host; safe to use from several threads.

    Each thread has its own connection: a shared pool would look through all connections for each
    request, and with 32 threads that takes longer than the request. `url_setting` is the name of
    the setting of `base_url`, for errors. Raises SettingsError if the proxy or certificate
    variables of the environment can't be used.
    """

    def __init__(self, base_url: str, url_setting: str) -> None:
        self.host = urlsplit(base_url).netloc
        self._base_url = base_url.rstrip("/")
        self._url_setting = url_setting
        self._tls = tls_context(base_url)
        self._own = threading.local()
        self._transports: list[httpx.HTTPTransport] = []
        try:
            self._proxy = _environment_proxy(base_url)
            self._transport()
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            # The error may quote a part of the URL, and a password in it.
            reason = "no valid URL" if isinstance(error, httpx.InvalidURL) else error
            raise SettingsError(
                f"the proxy variables of the environment can't be used: {reason}"
            ) from None

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports:
            transport.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        seconds: float,
        headers: dict[str, str] | None = None,
        json: dict[str, Any] | None = None,
        data: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request once; return its answer, whatever its status, with the whole body.

        `seconds` is the time for everything: the connection, the request and the whole answer. The
        answer to a GET may have 64 MiB, any other one 1 MiB, both raw and decompressed. Raises
        RequestNotSentError or NoUsableAnswerError; SettingsError for a URL that no request can be
        sent to.
        """
        ends_at = time.monotonic() + seconds
        transport = self._transport()
        try:
            request = httpx.Request(
                method,
                self._base_url + path,
                headers=httpx.Headers({**_HEADERS, **(headers or {})}, encoding="utf-8"),
                json=json,
                data=data,
                extensions=_limits(seconds, ends_at),
            )
            with contextlib.closing(transport.handle_request(request)) as response:
                response.request = request
                return _whole(response, ends_at)
        except (httpx.InvalidURL, UnicodeError):
            raise SettingsError(
                f"{method} {path} can't be sent to {self.host!r}, which is no host: check the "
                f"configured {self._url_setting}"
            ) from None
        except _NOT_SENT as error:
            raise RequestNotSentError(self._reason_with_proxy(error)) from None
        except httpx.RequestError as error:
            raise NoUsableAnswerError(_reason(error)) from None

    def _transport(self) -> httpx.HTTPTransport:
        """Return the transport of this thread. Make it if there is none."""
        transport: httpx.HTTPTransport | None = getattr(self._own, "transport", None)
        if transport is None:
            transport = httpx.HTTPTransport(verify=self._tls, proxy=self._proxy)
            self._own.transport = transport
            self._transports.append(transport)
        return transport

    def _reason_with_proxy(self, error: Exception) -> str:
        reason = _reason(error)
        if self._proxy is None:
            return reason
        proxy = self._proxy.url.netloc.decode(errors="replace")
        if isinstance(error, httpx.ProxyError):
            return f"the proxy {proxy} refused the connection: {reason}"
        return f"{reason}, through the proxy {proxy}"


def _limits(seconds: float, ends_at: float) -> dict[str, Any]:
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

    return {"timeout": timeouts, "trace": trace}


def _whole(response: httpx.Response, ends_at: float) -> httpx.Response:
    """Return the answer with its whole body, decompressed.

    If the body of an error can't be read to its end, the rest is left out: the status is enough.
    """
    body = bytearray()
    is_error = response.status_code >= _BAD_REQUEST
    is_list = response.request.method == "GET" and not is_error
    max_bytes = _MAX_LIST_BYTES if is_list else _MAX_BYTES
    try:
        for piece in _pieces(response, max_bytes):
            body += piece
            if time.monotonic() > ends_at:
                raise httpx.ReadTimeout("the time of the whole call is over")
    except httpx.RequestError:
        if not is_error:
            raise
    response.headers.pop("content-encoding", None)
    return httpx.Response(
        response.status_code,
        headers=response.headers,
        content=bytes(body),
        request=response.request,
    )


def _pieces(response: httpx.Response, max_bytes: int) -> Iterator[bytes]:
    """Yield the body in pieces, decompressed.

    httpx would decompress a piece at once, whatever its size is then.
    """
    is_packed = response.headers.get("content-encoding", "").strip().lower() == "gzip"
    decoder = zlib.decompressobj(_GZIP) if is_packed else None
    size = 0
    for raw in response.iter_raw():
        try:
            piece = decoder.decompress(raw, max_bytes + 1 - size) if decoder else raw
        except zlib.error:
            raise httpx.DecodingError("its body can't be decompressed") from None
        size += len(piece)
        if max(size, response.num_bytes_downloaded) > max_bytes:
            raise httpx.DecodingError(f"its body has more than {max_bytes // 1024} KiB")
        yield piece
    if decoder and response.num_bytes_downloaded and not decoder.eof:
        raise httpx.DecodingError("its compressed body ends too early")


def tls_context(base_url: str) -> ssl.SSLContext:
    """Return the TLS context for the host of `base_url`. Raises SettingsError.

    Loading the certificates takes 30 ms and 3 MiB. Plain http doesn't need them, so its context has
    none.
    """
    if urlsplit(base_url).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found = None if _is_loopback(base_url) else _certificates()
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


def _environment_proxy(base_url: str) -> httpx.Proxy | None:
    """Return the proxy that the environment names for the host of `base_url`."""
    parts = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or _is_loopback(base_url) or urllib.request.proxy_bypass(parts.netloc):
        return None
    return httpx.Proxy(url if "://" in url else f"http://{url}")


def _is_loopback(base_url: str) -> bool:
    """Return whether the host is this machine, which a proxy of the environment can't reach."""
    return is_loopback(urlsplit(base_url).hostname or "")


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"timed out: {type(error).__name__}"
    if isinstance(error, httpx.LocalProtocolError):
        # Its text quotes the header, with the access token.
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
