"""The client of the Account API, https://api.parallel.ai/account: one method for each endpoint."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit

from parallel_provider.api.answers import Answer, is_whole_list, parse, require_deleted
from parallel_provider.api.models import AppList, Apps, Balance, CreatedApiKey, CreatedApp
from parallel_provider.api.organization import TokenOrganizations, token_of
from parallel_provider.api.person import TokenPeople
from parallel_provider.api.timing import (
    Deadline,
    RateLimitGate,
    Result,
    RetryPolicy,
    ServerClock,
    send_with_retries,
)
from parallel_provider.cancellation import Cancellation
from parallel_provider.errors import (
    ApiError,
    ConnectionFailedError,
    NoAnswerError,
    ParallelError,
    StatusError,
)
from parallel_provider.once import Once

if TYPE_CHECKING:
    import httpx

    from parallel_provider.api.transport import Transport


class AccountApi:
    """Typed calls over connections that stay open; safe to use from several threads.

    `auth` returns the `httpx.Auth` that adds the access token to each request. It is called once,
    for the first request. `auth_origin` says where the token comes from; the error for a refused
    token tells it. Every method raises an ApiError if there is no usable answer. Before that, it
    retries if a second request can do no harm.
    """

    def __init__(
        self,
        base_url: str,
        auth: Callable[[], httpx.Auth],
        *,
        auth_origin: str = "the configuration",
        retry_policy: RetryPolicy | None = None,
        rate_limit: RateLimitGate | None = None,
        cancellation: Cancellation | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._retry_policy = retry_policy or RetryPolicy()
        self.cancellation = cancellation or Cancellation()
        self._rate_limit = rate_limit or RateLimitGate(wait=self.cancellation.wait)
        self._server_clock = ServerClock()
        self.organizations = TokenOrganizations()
        """Keeps requests in one organization. Call its `allow_only` before the first request."""
        self._people = TokenPeople()

        def connect() -> Transport:
            with _httpx_without_command_line():
                from parallel_provider.api.transport import Transport  # noqa: PLC0415 - heavy
            return Transport(
                self.base_url,
                auth(),
                auth_origin,
                self._server_clock,
                self.organizations,
                people=self._people,
            )

        self._transport = Once(connect)

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
        if self._transport.is_computed:
            self._transport.get().close()

    def server_time(self) -> float | None:
        """Return the server's time in epoch seconds; None before its first answer."""
        return self._server_clock.now()

    def person(self) -> str | None:
        """Return a text that identifies the person behind the access tokens of all requests so far.

        None before the first request, if a token doesn't tell it, or if there were several people.
        """
        return self._people.only_person()

    @property
    def call_seconds(self) -> float:
        """How many seconds one call may take, with all its attempts."""
        return self._retry_policy.deadline_seconds

    def get_balance(self) -> Balance:
        """Read the prepaid balance. GET /service/v1/balance.

        Raises WrongOrganizationError if it is of another organization than expected.
        """
        return self._read("/service/v1/balance", Balance)[0]

    def add_balance(self, amount_cents: int, idempotency_key: str) -> Balance:
        """Charge the organization's card. POST /service/v1/balance/add.

        `amount_cents` is 1 to 10000. `idempotency_key` has 8 to 128 characters. For at least 24
        hours, the server charges once for the same key, so the request is repeated until its
        outcome is known. NoAnswerError and AnswerError mean that the outcome is still not known.
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
            return self._with_retries(send, repeatable=True)
        except ParallelError as error:
            # An earlier attempt may have charged, even if a later one was refused.
            if unclear and error is not unclear[-1]:
                raise NoAnswerError(f"{unclear[-1]}; and then: {error}") from None
            raise

    def list_apps(self) -> Apps:
        """List all apps of the organization that the access token sees. GET /service/v1/apps.

        Raises WrongOrganizationError if they are of another organization than expected.
        """
        answer, response = self._read("/service/v1/apps", AppList)
        return Apps(answer.apps, is_complete=is_whole_list(response, answer))

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

        def create(deadline: Deadline) -> CreatedApiKey:
            response = self._send("POST", path, deadline, {"api_key_name": api_key_name})
            return parse(response, CreatedApiKey).dated(response.headers.get("date"))

        return self._with_retries(create, repeatable=False)

    def delete_key(self, app_id: str, api_key_id: str) -> None:
        """Revoke a key. DELETE /service/v1/apps/{app_id}/keys/{api_key_id}."""
        self._delete(f"/service/v1/apps/{_segment(app_id)}/keys/{_segment(api_key_id)}")

    def _read(self, path: str, model: type[Answer]) -> tuple[Answer, httpx.Response]:
        def read(deadline: Deadline) -> tuple[Answer, httpx.Response]:
            response = self._send("GET", path, deadline)
            answer = parse(response, model)
            token = token_of(response.request)
            for org_id in answer.org_ids:
                self.organizations.learn(token, org_id)
            if not answer.org_ids:
                self.organizations.note_unnamed(token)
            return answer, response

        return self._with_retries(read, repeatable=True)

    def _create(self, path: str, body: dict[str, Any], model: type[Answer]) -> Answer:
        return self._with_retries(
            lambda deadline: parse(self._send("POST", path, deadline, body), model),
            repeatable=False,
        )

    def _delete(self, path: str) -> None:
        self._with_retries(
            lambda deadline: require_deleted(self._send("DELETE", path, deadline)), repeatable=True
        )

    def _with_retries(self, send: Callable[[Deadline], Result], *, repeatable: bool) -> Result:
        return send_with_retries(
            send, self._retry_policy, self._rate_limit, self.cancellation, repeatable=repeatable
        )

    def _send(
        self, method: str, path: str, deadline: Deadline, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Send a request once, after the wait that the server has asked for.

        A cancelled run creates and charges nothing more, but deletes what it has just created.
        """
        may_begin = self._rate_limit.wait(deadline.seconds_to_begin)
        if self.cancellation.is_cancelled and (method == "POST" or not may_begin):
            raise ConnectionFailedError(f"{method} {path} wasn't sent, as the run was cancelled")
        if not may_begin:
            raise ConnectionFailedError(
                f"{method} {path} wasn't sent, as {urlsplit(self.base_url).netloc} asks to wait "
                f"longer than the {self.call_seconds:g} seconds that one call may take: "
                "try again later, or with a lower --parallel"
            )
        try:
            return self._transport.get().send(method, path, body, deadline.attempt_seconds)
        except StatusError as refusal:
            if refusal.retry_after is not None:
                self._rate_limit.close_for(
                    min(refusal.retry_after, self._retry_policy.longest_wait_seconds)
                )
            raise


def _segment(value: str) -> str:
    """Quote an id for a path, so that it is always one segment.

    Raises ApiError for an empty id and for one of dots only: these would name another path.
    """
    if not value.strip("."):
        raise ApiError(
            f"nothing was sent, as the id {value!r} can't stand in a URL: it would name something "
            "else. Correct it in the state with `pulumi state edit`, or remove the resource with "
            "`pulumi state delete` and clean up in the Parallel console"
        )
    return quote(value, safe="")


@contextlib.contextmanager
def _httpx_without_command_line() -> Iterator[None]:
    """Import httpx in this block without its command line, which it has as `httpx._main`.

    Its command line imports rich: 5 MiB, and half of the time that the import of httpx takes, in
    every provider process.
    """
    name = "httpx._main"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = cast(Any, None)
    try:
        yield
    finally:
        del sys.modules[name]
