"""Requests to the API, and what becomes of them as the API's errors.

Loaded by the first request: a run that asks the API nothing doesn't wait for an HTTP client.
"""

from __future__ import annotations

import time
from typing import Any

import httpx

from parallel_provider.api.answers import status_error
from parallel_provider.api.organization import TokenOrganizations
from parallel_provider.api.organization_auth import OrganizationAuth
from parallel_provider.api.server_clock import ServerClock
from parallel_provider.errors import AnswerError, ConnectionFailedError, NoAnswerError
from parallel_provider.http_client import (
    HttpSender,
    NoUsableAnswerError,
    OversizedAnswerError,
    RequestNotSentError,
)

# A list of 100,000 apps has about 20 MB. What a change is answered with is short.
_MAX_READ_BYTES = 64 * 1024 * 1024
_MAX_CHANGE_BYTES = 1024 * 1024


class Transport:
    """Sends single requests to one API; safe to use from several threads.

    A request that changes something is sent only with an access token of the organization that
    `organizations` expects.
    """

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth,
        auth_origin: str,
        server_clock: ServerClock,
        organizations: TokenOrganizations,
    ) -> None:
        self._auth_origin = auth_origin
        self._server_clock = server_clock
        self._sender = HttpSender(
            base_url, "service API URL", OrganizationAuth(auth, base_url, organizations)
        )

    def close(self) -> None:
        """Close all connections."""
        self._sender.close()

    def send(
        self, method: str, path: str, body: dict[str, Any] | None, seconds: float
    ) -> httpx.Response:
        """Send a request once, within `seconds` in all; return a successful answer.

        Raises an ApiError for any other, and for none.
        """
        host = self._sender.host
        try:
            response = self._sender.send(
                method,
                path,
                seconds=seconds,
                json=body,
                max_bytes=_MAX_READ_BYTES if method == "GET" else _MAX_CHANGE_BYTES,
            )
        except RequestNotSentError as error:
            raise ConnectionFailedError(
                f"{method} {path} wasn't sent, as {host} can't be reached ({error}): "
                "check the network and the configured service API URL"
            ) from None
        except NoUsableAnswerError as error:
            raise NoAnswerError(f"{method} {path} got no answer from {host} ({error})") from None
        except OversizedAnswerError as error:
            raise AnswerError(f"{method} {path} answered success with {error}") from None
        self._server_clock.note(response.headers.get("date"))
        if not response.is_success:
            raise status_error(response, time.time(), self._auth_origin)
        return response
