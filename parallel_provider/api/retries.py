"""When a failed request is sent again: only where a second one can do no harm.

A request that changes something and can't be recognised by the server as the same one (creating an
app or a key) is sent again only if the first was certainly not carried out. What to do about a
lost answer then is the lifecycle's decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from parallel_provider.api.errors import (
    AnswerError,
    ConnectionFailedError,
    NoAnswerError,
    RateLimitedError,
    ServerError,
    StatusError,
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Patience:
    """How long a request is tried: attempts, and seconds.

    `longest_wait_seconds` also caps what a Retry-After asks for.
    """

    attempts: int = 6
    deadline_seconds: float = 120.0
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 30.0


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
    send: Callable[[], Result], patience: Patience, *, repeatable: bool
) -> Result:
    """Call `send` until it returns, or its error is final, or patience ends (that error, then)."""
    backoff = tenacity.wait_exponential(
        multiplier=patience.first_wait_seconds, max=patience.longest_wait_seconds
    ) + tenacity.wait_random(0, patience.first_wait_seconds)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, StatusError) and error.retry_after is not None:
            # A little more than asked for, so that waiting threads don't all come back at once.
            asked = error.retry_after + backoff(state)
            return min(asked, patience.longest_wait_seconds)
        return backoff(state)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: should_retry(error, repeatable=repeatable)),
        wait=wait,
        stop=tenacity.stop_after_attempt(patience.attempts)
        | tenacity.stop_before_delay(patience.deadline_seconds),
        reraise=True,
    )
    return retrying(send)
