"""The Account API's client: https://api.parallel.ai/account, one method an endpoint."""

from __future__ import annotations

import importlib.metadata
import time
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from parallel_provider.api.answers import Model, parse, status_error
from parallel_provider.api.errors import ApiError, ConnectionFailedError, NoAnswerError
from parallel_provider.api.models import AppItem, AppList, Balance, CreatedApiKey, CreatedApp
from parallel_provider.api.pace import Pace
from parallel_provider.api.retries import Deadline, Patience, send_with_patience
from parallel_provider.errors import ParallelError, SettingsError
from parallel_provider.settings import is_loopback

_CONNECT_SECONDS = 10.0
_LIMITS = httpx.Limits(max_connections=64, max_keepalive_connections=64)
# These are raised before a byte of the request is sent.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


class AccountApi:
    """Typed calls over one pool of connections; safe to use from several threads.

    `base_url` is where the API is. `auth` puts the access token on each request, and `auth_origin`
    says where that comes from, for the error when it is refused. Every method raises an ApiError
    when there is no usable answer, after retries where they can do no harm.
    """

    def __init__(
        self,
        base_url: str,
        auth: httpx.Auth,
        *,
        auth_origin: str = "the configuration",
        patience: Patience | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._auth_origin = auth_origin
        self._patience = patience or Patience()
        self._pace = pace or Pace()
        version = importlib.metadata.version("parallel-provider")
        try:
            self._http = httpx.Client(
                auth=auth,
                limits=_LIMITS,
                headers={
                    "Accept": "application/json",
                    "User-Agent": f"parallel-provider/{version}",
                },
                # A token is for the configured host and no other.
                follow_redirects=False,
                # A proxy can't reach this machine's own loopback.
                trust_env=not is_loopback(urlsplit(base_url).hostname or ""),
            )
        except (ValueError, ImportError, OSError) as error:
            raise SettingsError(
                f"the proxy or certificate variables of the environment can't be used: {error}"
            ) from None

    def __enter__(self) -> AccountApi:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def get_balance(self) -> Balance:
        """Read the prepaid balance. GET /service/v1/balance."""
        return self._read("/service/v1/balance", Balance)

    def add_balance(self, amount_cents: int, idempotency_key: str) -> Balance:
        """Charge the organization's card. POST /service/v1/balance/add.

        `amount_cents` is 1 to 10000; the same `idempotency_key` (8 to 128 characters) is charged
        once for at least 24 hours, which is why this is repeated under it until the outcome is
        known. NoAnswerError and AnswerError mean that it still isn't.
        """
        body = {"amount_cents": amount_cents, "idempotency_key": idempotency_key}
        unclear: list[ApiError] = []

        def send(deadline: Deadline) -> Balance:
            try:
                return parse(self._send("POST", "/service/v1/balance/add", deadline, body), Balance)
            except ApiError as error:
                if error.may_have_worked:
                    unclear.append(error)
                raise

        try:
            return send_with_patience(send, self._patience, self._pace, repeatable=True)
        except ParallelError as error:
            # A later refusal doesn't undo what an earlier attempt may have done.
            if unclear and error is not unclear[-1]:
                raise NoAnswerError(f"{unclear[-1]}; and then: {error}") from None
            raise

    def list_apps(self) -> list[AppItem]:
        """List all apps of the organization. GET /service/v1/apps."""
        return self._read("/service/v1/apps", AppList).apps

    def create_app(self, app_name: str) -> str:
        """Create an app and return its `app_id`. POST /service/v1/apps.

        An error with `may_have_worked` means that the app may exist.
        """
        return self._create("/service/v1/apps", {"app_name": app_name}, CreatedApp).app_id

    def delete_app(self, app_id: str) -> None:
        """Delete an app. DELETE /service/v1/apps/{app_id}."""
        self._delete(f"/service/v1/apps/{_segment(app_id)}")

    def create_key(self, app_id: str, api_key_name: str) -> CreatedApiKey:
        """Create a key; the raw key is in this answer only. POST /service/v1/apps/{app_id}/keys.

        An error with `may_have_worked` means that a key may exist that nobody holds.
        """
        path = f"/service/v1/apps/{_segment(app_id)}/keys"
        return self._create(path, {"api_key_name": api_key_name}, CreatedApiKey)

    def delete_key(self, app_id: str, api_key_id: str) -> None:
        """Revoke a key. DELETE /service/v1/apps/{app_id}/keys/{api_key_id}."""
        self._delete(f"/service/v1/apps/{_segment(app_id)}/keys/{_segment(api_key_id)}")

    def _read(self, path: str, model: type[Model]) -> Model:
        return send_with_patience(
            lambda deadline: parse(self._send("GET", path, deadline), model),
            self._patience,
            self._pace,
            repeatable=True,
        )

    def _create(self, path: str, body: dict[str, Any], model: type[Model]) -> Model:
        return send_with_patience(
            lambda deadline: parse(self._send("POST", path, deadline, body), model),
            self._patience,
            self._pace,
            repeatable=False,
        )

    def _delete(self, path: str) -> None:
        send_with_patience(
            lambda deadline: self._send("DELETE", path, deadline),
            self._patience,
            self._pace,
            repeatable=True,
        )

    def _send(
        self, method: str, path: str, deadline: Deadline, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Send a request once; return the answer if its status is a success."""
        if not self._pace.wait(deadline.seconds_to_begin):
            raise ConnectionFailedError(
                f"{method} {path} wasn't sent, as {self._host} asks all requests to wait longer "
                f"than the {self._patience.deadline_seconds:g} seconds that one call may take: try "
                "again later, or with a lower --parallel"
            )
        seconds = deadline.attempt_seconds
        try:
            response = self._http.request(
                method,
                self.base_url + path,
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
        if not response.is_success:
            refusal = status_error(response, time.time(), self._auth_origin)
            if refusal.retry_after is not None:
                self._pace.hold(min(refusal.retry_after, self._patience.longest_wait_seconds))
            raise refusal
        return response

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc


def _segment(value: str) -> str:
    """Quote an id for a path: whatever it holds, it stays one segment."""
    return quote(value, safe="")


def _why(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return f"timed out: {type(error).__name__}"
    if isinstance(error, httpx.LocalProtocolError):
        # Its text quotes the header that it can't send, access token and all.
        return "the URL or the access token has characters that HTTP doesn't allow"
    return str(error) or type(error).__name__
