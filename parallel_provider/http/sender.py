"""How this package speaks HTTP: single requests to one host, each bounded in time and size.

The API's client and the sign-in send through here, so that a failure is classified once: the
request was never sent, or it was sent and no usable answer came. Redirects aren't followed, and
nothing is repeated.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

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

DEFAULT_MAX_BYTES = 1024 * 1024
HEADERS = {
    "Accept": "application/json",
    # Nothing else that httpx could decompress: only this is decompressed within bounds.
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
# A Location header that is no URL is httpx's own error.
_NO_ANSWER = (*CONNECTION_ERRORS, BodyError, httpx.TransportError)
# Other texts of these errors quote what the server sent, which may be a secret.
_PLAIN_REASONS = ("Server disconnected", "peer closed connection")


class RequestNotSentError(Exception):
    """The request was never sent; the text says why."""


class NoUsableAnswerError(Exception):
    """The request was sent, and no whole answer came; the text says why."""


class OversizedAnswerError(Exception):
    """The server reported success with a body larger than allowed; the text says how large."""


class HttpSender:
    """Sends single requests to one host; safe to use from several threads.

    Each thread keeps a connection to itself: a pool looks through all connections for each
    request, which with 32 threads takes longer than the request. `url_setting` is what the setting
    of `base_url` is called in an error. Raises SettingsError when the environment's proxy or
    certificate variables can't be used.
    """

    def __init__(self, base_url: str, url_setting: str, auth: httpx.Auth | None = None) -> None:
        self._base_url = base_url.rstrip("/")
        self.host = urlsplit(base_url).netloc
        self._url_setting = url_setting
        self._auth = auth
        self._tls = tls_context(base_url)
        self._proxy = environment_proxy(base_url)
        self._of_thread = threading.local()
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

        `seconds` are for everything: the connection, the request, and the answer to its last byte.
        A body may have `max_bytes`, raw and decompressed; of an error's body, what comes within
        these limits is returned. Raises RequestNotSentError, NoUsableAnswerError or
        OversizedAnswerError; SettingsError for a URL that nothing can be sent to.
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
            raise RequestNotSentError(_why(error)) from None
        except _NO_ANSWER as error:
            if transport.current is not request:
                # Another request comes before this one, to check the access token.
                raise RequestNotSentError(_why(error)) from None
            raise NoUsableAnswerError(_why(error)) from None
        except BodyTooLargeError:
            raise OversizedAnswerError(f"more than {max_bytes // 1024} KiB") from None

    @property
    def _connection(self) -> tuple[httpx.Client, BoundedTransport]:
        """The connection of this thread."""
        connection: tuple[httpx.Client, BoundedTransport] | None = getattr(
            self._of_thread, "connection", None
        )
        if connection is None:
            with _environment_named():
                transport = BoundedTransport(self._tls, self._proxy)
            client = httpx.Client(
                auth=self._auth,
                headers=HEADERS,
                transport=transport,
                timeout=None,  # noqa: S113 - the transport has its own
                # A token is for the configured host and no other.
                follow_redirects=False,
                trust_env=False,
            )
            self._of_thread.connection = connection = client, transport
            self._clients.append(client)
        return connection


def tls_context(base_url: str) -> ssl.SSLContext:
    """Return what decides whether the host of `base_url` is trusted. Raises SettingsError.

    Loading the certificates takes 30 ms and 3 MiB, which plain http does without: its context
    trusts nobody.
    """
    if urlsplit(base_url).scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with _environment_named():
        return httpx.create_ssl_context(trust_env=_trusts_environment(base_url))


def environment_proxy(base_url: str) -> httpx.Proxy | None:
    """Return the proxy that the environment names for the host of `base_url`.

    Raises SettingsError when it isn't a proxy's URL.
    """
    if not _trusts_environment(base_url):
        return None
    parts = urlsplit(base_url)
    proxies = urllib.request.getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or urllib.request.proxy_bypass(parts.netloc):
        return None
    with _environment_named():
        return httpx.Proxy(url if "://" in url else f"http://{url}")


def _trusts_environment(base_url: str) -> bool:
    # A proxy can't reach this machine's own loopback.
    return not is_loopback(urlsplit(base_url).hostname or "")


@contextlib.contextmanager
def _environment_named() -> Iterator[None]:
    try:
        yield
    except (ValueError, ImportError, OSError, httpx.InvalidURL) as error:
        # What isn't a URL may be quoted in parts, a password among them.
        reason = "no valid URL" if isinstance(error, httpx.InvalidURL) else error
        raise SettingsError(
            f"the proxy or certificate variables of the environment can't be used: {reason}"
        ) from None


def _why(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return f"timed out: {type(error).__name__}"
    if isinstance(error, httpcore.LocalProtocolError):
        # Its text quotes the header that it can't send, access token and all.
        return "the URL or the access token has characters that HTTP doesn't allow"
    text = str(error)
    if isinstance(error, httpcore.RemoteProtocolError | httpx.RemoteProtocolError):
        return text if text.startswith(_PLAIN_REASONS) else "what came isn't HTTP"
    return printable(masked(text)) or type(error).__name__
