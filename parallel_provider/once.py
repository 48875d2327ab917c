"""A value that is computed once, however many threads ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """The first caller computes the value. All others wait for it and get the same one.

    An error is kept too. Otherwise two hundred resources would repeat the same failing request.
    """

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()
        self._outcome: Future[T] | None = None

    @property
    def is_computed(self) -> bool:
        """Say whether the value has been computed, without an error."""
        outcome = self._outcome
        return outcome is not None and outcome.done() and outcome.exception() is None

    def get(self) -> T:
        """Return the value, or raise the error of its computation."""
        with self._lock:
            if self._outcome is None:
                self._outcome = Future()
                try:
                    self._outcome.set_result(self._compute())
                except BaseException as error:  # noqa: BLE001 - every caller gets it
                    self._outcome.set_exception(error)
        return self._outcome.result()
