"""The server's time, as the Date headers of its answers tell it (RFC 9110, section 6.6.1)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from parallel_provider.http_headers import parse_http_date


class ServerClock:
    """Keeps the time of the latest answer; safe to use from several threads.

    `monotonic` returns seconds that only go forward.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._answered: tuple[float, float] | None = None

    def note(self, date: str | None) -> None:
        """Take the time from an answer's Date header; a header that can't be read is ignored."""
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
