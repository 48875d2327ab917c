"""The client of the Account API, https://api.parallel.ai/account: one method for each endpoint."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from parallel_provider.api.errors import ApiError
from parallel_provider.api.identity import Identity
from parallel_provider.api.models import (
    Answer,
    AppList,
    Apps,
    Balance,
    CreatedApiKey,
    CreatedApp,
    Deleted,
)
from parallel_provider.once import Once
from parallel_provider.settings import DEFAULT_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from parallel_provider.api.transport import Transport
    from parallel_provider.credentials.tokens import TokenSource

_BALANCE = "/service/v1/balance"
_APPS = "/service/v1/apps"


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long one call is tried.

    `deadline_seconds` is the time for all attempts together. `longest_wait_seconds` also limits
    the wait that a Retry-After header asks for.
    """

    attempts: int = 6
    deadline_seconds: float = DEFAULT_TIMEOUT_SECONDS
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 30.0


class AccountApi(AbstractContextManager["AccountApi"]):
    """Typed calls over connections that stay open; safe to use from several threads.

    `source` gives the access tokens. Every method raises an ApiError if there is no usable answer.
    Before that, it sends the request again if a second one can do no harm.
    """

    def __init__(
        self,
        base_url: str,
        source: TokenSource,
        *,
        retry_policy: RetryPolicy | None = None,
        cancellation: threading.Event | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.cancellation = cancellation or threading.Event()
        self._source = source
        self._retry_policy = retry_policy or RetryPolicy()
        self._identity = Identity()
        self._transport = Once(self._connect)

    def _connect(self) -> Transport:
        from parallel_provider.api.transport import Transport  # noqa: PLC0415 - heavy

        return Transport(
            self.base_url, self._source, self._identity, self._retry_policy, self.cancellation
        )

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        if self._transport.is_computed:
            self._transport.get().close()

    def allow_only(self, org_id: str, setting: str) -> None:
        """Work in this organization only, which the user gave in the setting called `setting`.

        Call it before the first request. Otherwise, the client works in the organization that the
        first answer names. Before its first change with another token, it asks for its
        organization.
        """
        self._identity.allow_only(org_id, setting)

    @property
    def is_guarded(self) -> bool:
        """Whether the user allows one organization only."""
        return self._identity.is_guarded

    def server_time(self) -> float | None:
        """Return the server's time in epoch seconds; None before its first answer."""
        return self._transport.get().server_time() if self._transport.is_computed else None

    def person(self) -> str | None:
        """Return a text that identifies the person behind the access tokens of all requests so far.

        None before the first request, if a token doesn't tell it, or if there were several people.
        """
        return self._identity.person()

    @property
    def call_seconds(self) -> float:
        """How many seconds one call may take, with all its attempts."""
        return self._retry_policy.deadline_seconds

    def get_balance(self) -> Balance:
        """Read the prepaid balance. GET /service/v1/balance.

        Raises WrongOrganizationError if it is of another organization than expected.
        """
        return self._send("GET", _BALANCE, Balance)

    def add_balance(self, amount_cents: int, idempotency_key: str) -> Balance:
        """Charge the organization's card. POST /service/v1/balance/add.

        `amount_cents` is 1 to 10000. `idempotency_key` has 8 to 128 characters. For at least 24
        hours, the server charges once for the same key, so the request is repeated until its
        outcome is known. NoAnswerError and AnswerError mean that the outcome is still not known.
        """
        body = {"amount_cents": amount_cents, "idempotency_key": idempotency_key}
        return self._send("POST", f"{_BALANCE}/add", Balance, body, repeatable=True)

    def list_apps(self) -> Apps:
        """List all apps of the organization that the access token sees. GET /service/v1/apps.

        Raises WrongOrganizationError if they are of another organization than expected.
        """
        found = self._send("GET", _APPS, AppList)
        return Apps(found.apps, is_complete=found.is_complete)

    def create_app(self, app_name: str) -> str:
        """Create an app and return its `app_id`. POST /service/v1/apps.

        An error with `may_have_worked` means that the app may exist.
        """
        return self._send("POST", _APPS, CreatedApp, {"app_name": app_name}).app_id

    def delete_app(self, app_id: str) -> None:
        """Delete an app. DELETE /service/v1/apps/{app_id}."""
        self._send("DELETE", f"{_APPS}/{_segment(app_id)}", Deleted)

    def create_key(self, app_id: str, api_key_name: str) -> CreatedApiKey:
        """Create a key; the raw key is in this answer only. POST /service/v1/apps/{app_id}/keys.

        An error with `may_have_worked` means that a key may exist that nobody holds.
        """
        path = f"{_APPS}/{_segment(app_id)}/keys"
        return self._send("POST", path, CreatedApiKey, {"api_key_name": api_key_name})

    def delete_key(self, app_id: str, api_key_id: str) -> None:
        """Revoke a key. DELETE /service/v1/apps/{app_id}/keys/{api_key_id}."""
        self._send("DELETE", f"{_APPS}/{_segment(app_id)}/keys/{_segment(api_key_id)}", Deleted)

    def _send(
        self,
        method: str,
        path: str,
        model: type[Answer],
        body: dict[str, Any] | None = None,
        *,
        repeatable: bool = False,
    ) -> Answer:
        """Send a request. Only a POST that isn't `repeatable` is never sent twice."""
        repeatable = repeatable or method != "POST"
        return self._transport.get().send(method, path, model, body, repeatable=repeatable)


def _segment(value: str) -> str:
    """Quote an id for a path, so that it is always one segment.

    Raises ApiError for an empty id and for one of dots only: these would name another path.
    """
    if not value.strip("."):
        raise ApiError(
            f"nothing was sent, as the id {value!r} can't stand in a URL: it would name something "
            "else"
        )
    return quote(value, safe="")
