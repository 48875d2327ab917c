"""Requests over connections that stay open, and what becomes of them. The only place with httpx.

Loaded by the first request: a run that asks the API nothing doesn't wait for an HTTP client.
"""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from parallel_provider.api.answers import status_error
from parallel_provider.api.errors import ConnectionFailedError, NoAnswerError
from parallel_provider.api.server_clock import ServerClock
from parallel_provider.errors import SettingsError
from parallel_provider.http_client import open_client, tls_context

_CONNECT_SECONDS = 10.0
# These are raised before a byte of the request is sent.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class Transport:
    """Sends single requests to one API; safe to use from several threads.

    Each thread keeps a connection to itself: httpx's pool looks through all connections for each
    request, which with 32 threads takes longer than the request.
    """

    def __init__(
        self, base_url: str, auth: httpx.Auth, auth_origin: str, server_clock: ServerClock
    ) -> None:
        self._base_url = base_url
        self._auth_origin = auth_origin
        self._server_clock = server_clock
        self._host = urlsplit(base_url).netloc
        self._auth = auth
        self._tls = tls_context(base_url)
        self._of_thread = threading.local()
        self._clients: list[httpx.Client] = []

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.close()

    @property
    def _http(self) -> httpx.Client:
        client: httpx.Client | None = getattr(self._of_thread, "client", None)
        if client is None:
            client = open_client(self._base_url, auth=self._auth, tls=self._tls)
            self._of_thread.client = client
            self._clients.append(client)
        return client

    def send(
        self, method: str, path: str, body: dict[str, Any] | None, seconds: float
    ) -> httpx.Response:
        """Send a request once, and wait `seconds` at most; return a successful answer.

        Raises an ApiError for any other, and for none.
        """
        try:
            response = self._http.request(
                method,
                self._base_url + path,
                json=body,
                timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            )
        except (httpx.InvalidURL, UnicodeError):
            raise SettingsError(
                f"{method} {path} can't be sent to {self._host!r}, which is no host: check the "
                "configured service API URL"
            ) from None
        except _NOT_SENT as error:
            raise ConnectionFailedError(
                f"{method} {path} wasn't sent, as {self._host} can't be reached ({_why(error)}): "
                "check the network and the configured service API URL"
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise NoAnswerError(
                f"{method} {path} got no answer from {self._host} ({_why(error)})"
            ) from None
        self._server_clock.note(response.headers.get("date"))
        if not response.is_success:
            raise status_error(response, time.time(), self._auth_origin)
        return response


def _why(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"timed out: {type(error).__name__}"
    if isinstance(error, httpx.LocalProtocolError):
        # Its text quotes the header that it can't send, access token and all.
        return "the URL or the access token has characters that HTTP doesn't allow"
    return str(error) or type(error).__name__
