"""Requests to the Account API: with which access token, when, and how often.

A request is sent again only if a second one can do no harm. A request that creates an app or a key
is sent again only if the first one was certainly not carried out; what else to do about a lost
answer is for the lifecycle to decide.

The first request imports this module: a run that sends nothing doesn't wait for httpx.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic

import tenacity

from parallel_provider.api.errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    ConnectionFailedError,
    NoAnswerError,
    RateLimitedError,
    ServerError,
    StatusError,
    status_error,
)
from parallel_provider.api.identity import Identity
from parallel_provider.api.models import Answer, ApiModel, AppList, Balance
from parallel_provider.errors import ParallelError
from parallel_provider.http import HttpSender, NoUsableAnswerError, RequestNotSentError
from parallel_provider.http_dates import parse_http_date
from parallel_provider.printable import remember_secret

if TYPE_CHECKING:
    from parallel_provider.api.client import RetryPolicy
    from parallel_provider.credentials.tokens import AccessToken, TokenSource

# No attempt begins when less than this part of the time is left. It could hardly succeed, and the
# outcome of a change would not be known.
_LAST_PART = 0.1
# Another attempt may get an answer.
_TEMPORARY = (ConnectionFailedError, NoAnswerError, RateLimitedError, ServerError)
# These reads tell the organization of a token. The second one is for a token without the scope
# balance:read.
_ORGANIZATION_READS: tuple[tuple[str, type[ApiModel]], ...] = (
    ("/service/v1/balance", Balance),
    ("/service/v1/apps", AppList),
)


@dataclass(frozen=True)
class _Request(Generic[Answer]):
    """A request, and the model of its answer."""

    method: str
    path: str
    model: type[Answer]
    body: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Transport:
    """Sends requests to one API; safe to use from several threads.

    A change is sent only with an access token of the organization that `identity` expects.
    """

    def __init__(
        self,
        base_url: str,
        source: TokenSource,
        identity: Identity,
        retry_policy: RetryPolicy,
        cancellation: threading.Event,
    ) -> None:
        self._sender = HttpSender(base_url, "service API URL")
        self._source = source
        self._identity = identity
        self._policy = retry_policy
        self._cancellation = cancellation
        self._lock = threading.Lock()
        # By the clock that only goes forward: when requests may begin, after the server has asked
        # to wait; and when its latest answer came, with the time of that answer's Date header.
        self._opens_at = 0.0
        self._answered: tuple[float, float] | None = None

    def close(self) -> None:
        """Close all connections."""
        self._sender.close()

    def server_time(self) -> float | None:
        """Return the server's time in epoch seconds; None before its first answer with a date.

        A Date header (RFC 9110, section 6.6.1) has whole seconds, so this is up to a second early,
        and never late.
        """
        if self._answered is None:
            return None
        came_at, date = self._answered
        return date + (time.monotonic() - came_at)

    def send(
        self,
        method: str,
        path: str,
        model: type[Answer],
        body: dict[str, Any] | None = None,
        *,
        repeatable: bool,
    ) -> Answer:
        """Send a request until there is an answer, or its error is final, or the time is used up.

        `repeatable` says that the server may get the request twice without harm: it only reads, it
        deletes, or it carries an idempotency key. Raises the last error. If an earlier attempt of a
        POST may have worked, that is a NoAnswerError.
        """
        request = _Request(method, path, model, body)
        unclear: list[ApiError] = []
        ends_at = time.monotonic() + self._policy.deadline_seconds

        def attempt() -> Answer:
            try:
                self._wait_to_begin(request, ends_at)
                return self._attempt(request, ends_at)
            except ApiError as error:
                if error.may_have_worked:
                    unclear.append(error)
                raise

        try:
            return self._retrying(repeatable=repeatable)(attempt)
        except ParallelError as error:
            if method == "POST" and unclear and error is not unclear[-1]:
                raise NoAnswerError(f"{unclear[-1]}; and then: {error}") from None
            raise

    def _retrying(self, *, repeatable: bool) -> tenacity.Retrying:
        """Return what calls an attempt again. After a cancelled wait, it raises the last error."""
        policy = self._policy
        backoff = tenacity.wait_exponential(
            policy.first_wait_seconds, policy.longest_wait_seconds
        ) + tenacity.wait_random(0, policy.first_wait_seconds)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.retry_after if isinstance(error, StatusError) else None
            # A random part is added, so that the waiting threads don't all send at once.
            return min((asked or 0.0) + backoff(state), policy.longest_wait_seconds)

        def pause(state: tenacity.RetryCallState) -> None:
            seconds = state.next_action.sleep if state.next_action else 0.0
            if self._cancellation.wait(seconds) and state.outcome:
                state.outcome.result()  # raises

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(partial(should_retry, repeatable=repeatable)),
            wait=wait,
            before_sleep=pause,
            sleep=lambda _seconds: None,
            stop=tenacity.stop_after_attempt(policy.attempts)
            | tenacity.stop_before_delay(policy.deadline_seconds * (1 - _LAST_PART)),
            reraise=True,
        )

    def _wait_to_begin(self, request: _Request[Answer], ends_at: float) -> None:
        """Wait as long as the server has asked one of the threads to wait.

        A cancelled run creates and charges nothing more, but deletes what it has just created.
        """
        latest = ends_at - self._policy.deadline_seconds * _LAST_PART
        while (seconds := self._opens_at - time.monotonic()) > 0:
            if self._opens_at > latest:
                raise ConnectionFailedError(
                    f"{request} wasn't sent, as {self._sender.host} asks to wait longer than the "
                    f"{self._policy.deadline_seconds:g} seconds that one call may take: try again "
                    "later, or with fewer requests in parallel"
                )
            if self._cancellation.wait(seconds):
                break
        if self._cancellation.is_set() and request.method == "POST":
            raise ConnectionFailedError(f"{request} wasn't sent, as the run was cancelled")

    def _attempt(self, request: _Request[Answer], ends_at: float) -> Answer:
        """Send a request once; if the server refuses the token, once more with a renewed one."""
        started = time.monotonic()
        token = self._source.get()
        # A source may run a command or ask the sign-in. That isn't the time of the request.
        ends_at += time.monotonic() - started
        try:
            return self._send_verified(request, token, ends_at)
        except AuthenticationError as error:
            refusal = error
        started = time.monotonic()
        renewed = self._source.renew(token)
        if renewed is None:
            raise refusal
        return self._send_verified(request, renewed, ends_at + time.monotonic() - started)

    def _send_verified(
        self, request: _Request[Answer], token: AccessToken, ends_at: float
    ) -> Answer:
        """Send a request. Before a change, learn the token's organization if it isn't known.

        Raises WrongOrganizationError if the token belongs to another organization than expected,
        and ConnectionFailedError if that can't be learned now. Either way, the change isn't sent.
        """
        if request.method == "GET" or not self._identity.must_verify(token):
            return self._send_once(request, token, ends_at)
        for path, model in _ORGANIZATION_READS:
            try:
                self._send_once(_Request("GET", path, model), token, ends_at)
            except AuthenticationError:
                raise
            except _TEMPORARY as error:
                raise ConnectionFailedError(
                    f"{request} wasn't sent, as the organization of its access token can't be "
                    f"checked: {error}"
                ) from None
            except (StatusError, AnswerError):
                continue
            if not self._identity.must_verify(token):
                return self._send_once(request, token, ends_at)
        raise self._identity.unknown_organization_error()

    def _send_once(self, request: _Request[Answer], token: AccessToken, ends_at: float) -> Answer:
        """Send a request once, and read its answer. Half of the call's time is left for another."""
        secret = token.value.get_secret_value()
        remember_secret(secret)
        self._identity.note_person(token)
        host = self._sender.host
        try:
            response = self._sender.send(
                request.method,
                request.path,
                seconds=min(ends_at - time.monotonic(), self._policy.deadline_seconds / 2),
                headers={"Authorization": f"Bearer {secret}"},
                json=request.body,
            )
        except RequestNotSentError as error:
            raise ConnectionFailedError(
                f"{request} wasn't sent, as {host} can't be reached ({error}): check the network "
                "and the configured service API URL"
            ) from None
        except NoUsableAnswerError as error:
            raise NoAnswerError(f"{request} got no answer from {host} ({error})") from None
        date = parse_http_date(response.headers.get("date"))
        if date is not None:
            self._answered = (time.monotonic(), date)
        if not response.is_success:
            refusal = status_error(response, self._source.origin, request.model.holds_secret())
            self._note_wait(refusal)
            raise refusal
        answer = request.model.read(response)
        if request.method == "GET":
            self._identity.learn(token, answer.org_ids)
        return answer

    def _note_wait(self, refusal: StatusError) -> None:
        """Let all threads wait as long as the server asks for, and a moment if it doesn't say."""
        seconds = refusal.retry_after
        if seconds is None and isinstance(refusal, RateLimitedError):
            seconds = self._policy.first_wait_seconds
        if seconds is not None:
            opens_at = time.monotonic() + min(seconds, self._policy.longest_wait_seconds)
            with self._lock:
                self._opens_at = max(self._opens_at, opens_at)


def should_retry(error: BaseException, *, repeatable: bool) -> bool:
    """Decide whether the same request may be sent again after `error`."""
    return isinstance(error, (*_TEMPORARY, AnswerError)) and (
        repeatable or not error.may_have_worked
    )
