"""A lock without an order."""

from __future__ import annotations

import random
import threading


class RandomOrderLock:
    """A lock that waiting threads get in random order.

    Pulumi's engine promises no order of independent resources, so no test should rely on one.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._waiting: list[object] = []
        self._owner: object | None = None

    def __enter__(self) -> None:
        ticket = object()
        with self._condition:
            self._waiting.append(ticket)
            self._choose_owner()
            self._condition.wait_for(lambda: self._owner is ticket)

    def __exit__(self, *_error: object) -> None:
        with self._condition:
            self._owner = None
            self._choose_owner()

    def _choose_owner(self) -> None:
        if self._owner is None and self._waiting:
            self._owner = self._waiting.pop(random.randrange(len(self._waiting)))  # noqa: S311
            self._condition.notify_all()
