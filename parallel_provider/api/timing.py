"""When requests are sent: retries, the server's rate limit, and the server's time.

A request is sent again only if a second one can do no harm. A request that creates an app or a key
is sent again only if the first one was certainly not carried out; what else to do about a lost
answer is for the lifecycle to decide.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from parallel_provider.cancellation import Cancellation
from parallel_provider.errors import (
    AnswerError,
    ConnectionFailedError,
    NoAnswerError,
    RateLimitedError,
    ServerError,
    StatusError,
)
from parallel_provider.http.messages import parse_http_date
from parallel_provider.settings import DEFAULT_TIMEOUT_SECONDS

if TYPE_CHECKING:
    import tenacity

Result = TypeVar("Result")

# No attempt begins when less than this part of the time is left. It could hardly succeed, and the
# outcome of a change would not be known.
_LAST_PART = 0.1


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


class Deadline:
    """The time of one call, from now on. All attempts of the call share it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    @property
    def attempt_seconds(self) -> float:
        """How long an attempt that begins now may take.

        At most half of the whole time, so that there is time for a second attempt.
        """
        return min(self._left, self._seconds / 2)

    @property
    def seconds_to_begin(self) -> float:
        """How long the call may still wait before it begins an attempt."""
        return self._left - self._seconds * _LAST_PART

    @property
    def _left(self) -> float:
        return self._ends_at - time.monotonic()


class RateLimitGate:
    """Makes all threads of a process wait when the server asks one of them to wait.

    `clock` returns seconds that only go forward. `wait` waits for seconds, and returns whether the
    run was cancelled.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._clock = clock
        self._wait = wait or Cancellation().wait
        self._lock = threading.Lock()
        self._opens_at = 0.0

    def close_for(self, seconds: float) -> None:
        """Let no request begin for `seconds` from now. A longer wait that was asked for stays."""
        with self._lock:
            self._opens_at = max(self._opens_at, self._clock() + seconds)

    def wait(self, at_most: float) -> bool:
        """Wait until requests may begin.

        Return False at once if that takes too long, or if the run is cancelled meanwhile.
        """
        until = self._clock() + at_most
        while self._opens_at > self._clock():
            if self._opens_at > until or self._wait(self._opens_at - self._clock()):
                return False
        return True


class ServerClock:
    """The server's time, from the Date header of its latest answer (RFC 9110, section 6.6.1).

    Safe to use from several threads. `monotonic` returns seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answered: tuple[float, float] | None = None

    def note(self, date: str | None) -> None:
        """Take the time from an answer's Date header. Ignore a header that can't be read."""
        answered_at = parse_http_date(date)
        if answered_at is not None:
            with self._lock:
                self._answered = (answered_at, self._monotonic())

    def now(self) -> float | None:
        """Return the server's time in epoch seconds; None before its first answer with a date.

        A Date header has whole seconds, so this is up to a second early, and never late.
        """
        with self._lock:
            if self._answered is None:
                return None
            answered_at, noted_at = self._answered
            return answered_at + (self._monotonic() - noted_at)


def should_retry(error: BaseException, *, repeatable: bool) -> bool:
    """Decide whether the same request may be sent again after `error`.

    `repeatable` says that the server may get the request twice without harm: it only reads, it
    deletes, or it carries an idempotency key.
    """
    if isinstance(error, ConnectionFailedError | RateLimitedError):
        return True
    if isinstance(error, NoAnswerError | AnswerError | ServerError):
        return repeatable or not error.may_have_worked
    return False


def send_with_retries(
    send: Callable[[Deadline], Result],
    retry_policy: RetryPolicy,
    rate_limit: RateLimitGate,
    cancellation: Cancellation,
    *,
    repeatable: bool,
) -> Result:
    """Call `send` until it returns, its error is final, or the attempts or the time are used up.

    A cancelled run makes no other attempt. Raises the last error. A 429 without a Retry-After
    closes `rate_limit` for all threads too.
    """
    from parallel_provider.late import tenacity  # noqa: PLC0415 - many runs send nothing

    backoff = tenacity.wait_exponential(
        multiplier=retry_policy.first_wait_seconds, max=retry_policy.longest_wait_seconds
    ) + tenacity.wait_random(0, retry_policy.first_wait_seconds)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        seconds = backoff(state)
        if isinstance(error, StatusError) and error.retry_after is not None:
            # A random part is added, so that the waiting threads don't all send at once.
            seconds = min(error.retry_after + seconds, retry_policy.longest_wait_seconds)
        elif isinstance(error, RateLimitedError):
            rate_limit.close_for(seconds)
        return seconds

    def pause(state: tenacity.RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        if cancellation.wait(seconds) and state.outcome:
            state.outcome.result()  # raises the last error

    deadline = Deadline(retry_policy.deadline_seconds)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: should_retry(error, repeatable=repeatable)),
        wait=wait,
        before_sleep=pause,
        sleep=lambda _seconds: None,
        stop=tenacity.stop_after_attempt(retry_policy.attempts)
        | tenacity.stop_before_delay(retry_policy.deadline_seconds * (1 - _LAST_PART)),
        reraise=True,
    )
    return retrying(send, deadline)
