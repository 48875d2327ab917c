"""A value that is computed once for a whole run, however many threads ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """The first caller computes; all others wait for that outcome and share it, errors included.

    An error is kept too: what fails for one of two hundred resources would fail for each of them,
    after as many retries.
    """

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._outcome: Future[T] | None = None

    @property
    def is_computed(self) -> bool:
        """Say whether there is a value by now."""
        outcome = self._outcome
        return outcome is not None and outcome.done() and outcome.exception() is None

    def get(self) -> T:
        """Return the value, or raise the error that computing it raised."""
        with self._lock:
            outcome, is_first = self._outcome, self._outcome is None
            if outcome is None:
                outcome = self._outcome = Future()
        if is_first:
            try:
                outcome.set_result(self._compute())
            except BaseException as error:  # noqa: BLE001 - handed to everyone who waits
                outcome.set_exception(error)
        return outcome.result()
