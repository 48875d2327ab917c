"""When a failed request is sent again: only where a second one can do no harm.

A request that changes something and can't be recognised by the server as the same one (creating an
app or a key) is sent again only if the first was certainly not carried out. What to do about a
lost answer then is the lifecycle's decision.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from parallel_provider.api.pace import Pace
from parallel_provider.errors import (
    AnswerError,
    ConnectionFailedError,
    NoAnswerError,
    RateLimitedError,
    ServerError,
    StatusError,
)
from parallel_provider.settings import DEFAULT_TIMEOUT_SECONDS

if TYPE_CHECKING:
    import tenacity

Result = TypeVar("Result")


# An attempt that has less than this part of the time left isn't begun: it could hardly succeed, and
# of a request that changes something nobody would know what became of it.
_LAST_PART = 0.1


@dataclass(frozen=True)
class Patience:
    """How long a call is tried: attempts, and seconds.

    `deadline_seconds` are for all attempts together; `longest_wait_seconds` also caps what a
    Retry-After asks for.
    """

    attempts: int = 6
    deadline_seconds: float = DEFAULT_TIMEOUT_SECONDS
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 30.0


class Deadline:
    """The time of one call, from now on; all its attempts share it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends_at = time.monotonic() + seconds

    @property
    def attempt_seconds(self) -> float:
        """How long an attempt that begins now may take.

        Half of the whole at most: an answer that never comes leaves time for another attempt.
        """
        return min(self._left, self._seconds / 2)

    @property
    def seconds_to_begin(self) -> float:
        """How long one may still wait before an attempt."""
        return self._left - self._seconds * _LAST_PART

    @property
    def _left(self) -> float:
        return self._ends_at - time.monotonic()


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


def send_with_patience(
    send: Callable[[Deadline], Result], patience: Patience, pace: Pace, *, repeatable: bool
) -> Result:
    """Call `send` until it returns, or its error is final, or patience ends (that error, then).

    Where the server is asked too often, everyone who keeps to `pace` waits, not this call alone.
    """
    import tenacity  # noqa: PLC0415 - heavy, and many runs send nothing

    backoff = tenacity.wait_exponential(
        multiplier=patience.first_wait_seconds, max=patience.longest_wait_seconds
    ) + tenacity.wait_random(0, patience.first_wait_seconds)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        seconds = backoff(state)
        if isinstance(error, StatusError) and error.retry_after is not None:
            # A little more than asked for, so that waiting threads don't all come back at once.
            seconds = min(error.retry_after + seconds, patience.longest_wait_seconds)
        elif isinstance(error, RateLimitedError):
            pace.hold(seconds)
        return seconds

    deadline = Deadline(patience.deadline_seconds)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: should_retry(error, repeatable=repeatable)),
        wait=wait,
        stop=tenacity.stop_after_attempt(patience.attempts)
        | tenacity.stop_before_delay(patience.deadline_seconds * (1 - _LAST_PART)),
        reraise=True,
    )
    return retrying(send, deadline)
