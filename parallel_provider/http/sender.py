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
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore
import httpx

from parallel_provider.errors import SettingsError
from parallel_provider.http.messages import BodyError, BodyTooLargeError
from parallel_provider.http.transport import (
    CONNECTION_ERRORS,
    MAX_BYTES,
    TIME_LIMIT,
    BoundedTransport,
    TimeLimit,
)
from parallel_provider.printable import masked, printable
from parallel_provider.settings import is_loopback
from parallel_provider.version import __version__

# Files or folders with certificates. httpx and uv know the first two, pip and requests the others.
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
DEFAULT_MAX_BYTES = 1024 * 1024
HEADERS = {
    "Accept": "application/json",
    # Only gzip: `bounded_body` limits its size, and httpx would decompress anything else unlimited.
    "Accept-Encoding": "gzip",
    "User-Agent": f"parallel-provider/{__version__}",
}

# These are raised before a byte of the request is sent.
_NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
# httpx itself raises a TransportError for a Location header that is no URL.
_NO_ANSWER = (*CONNECTION_ERRORS, BodyError, httpx.TransportError)
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
        client, transport = self._connection
        limits = {TIME_LIMIT: TimeLimit(seconds), MAX_BYTES: max_bytes}
        request: httpx.Request | None = None
        try:
            request = client.build_request(
                method, self._base_url + path, json=json, data=data, extensions=limits
            )
            return client.send(request)
        except (httpx.InvalidURL, UnicodeError):
            raise SettingsError(
                f"{method} {path} can't be sent to {self.host!r}, which is no host: check the "
                f"configured {self._url_setting}"
            ) from None
        except _NOT_SENT as error:
            raise RequestNotSentError(self._reason(error)) from None
        except _NO_ANSWER as error:
            if transport.current is not request:
                # What failed is the request before this one, which checks the access token.
                raise RequestNotSentError(self._reason(error)) from None
            raise NoUsableAnswerError(_reason(error)) from None
        except BodyTooLargeError:
            raise OversizedAnswerError(f"more than {max_bytes // 1024} KiB") from None

    def _reason(self, error: Exception) -> str:
        """Return why nothing was sent. Names the proxy, if there is one."""
        reason = _reason(error)
        if self._proxy is None:
            return reason
        proxy = self._proxy.url.netloc.decode(errors="replace")
        if isinstance(error, httpcore.ProxyError):
            return f"the proxy {proxy} refused the connection: {reason}"
        return f"{reason}, through the proxy {proxy}"

    @property
    def _connection(self) -> tuple[httpx.Client, BoundedTransport]:
        """Return the connection of this thread. Open it if there is none."""
        connection: tuple[httpx.Client, BoundedTransport] | None = getattr(
            self._thread_local, "connection", None
        )
        if connection is None:
            with _environment_errors():
                transport = BoundedTransport(self._tls, self._proxy)
            client = httpx.Client(
                auth=self._auth,
                headers=HEADERS,
                transport=transport,
                timeout=None,  # noqa: S113 - the transport has its own time limit
                # The token may go to the configured host only.
                follow_redirects=False,
                trust_env=False,
            )
            self._thread_local.connection = connection = client, transport
            self._clients.append(client)
        return connection


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
    if isinstance(error, httpcore.TimeoutException):
        return f"timed out: {type(error).__name__}"
    if isinstance(error, httpcore.LocalProtocolError):
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
    if isinstance(error, httpcore.RemoteProtocolError | httpx.RemoteProtocolError):
        return text if text.startswith(_TEXTS_WITHOUT_QUOTES) else "what came isn't HTTP"
    return printable(masked(text)) or type(error).__name__
