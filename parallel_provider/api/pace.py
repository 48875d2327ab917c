"""One pace for all threads of a process: when the server asks one to wait, all of them do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Holds requests back until the time that the server has asked for.

    `clock` returns seconds that only go forward; `sleep` takes seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._resume_at = 0.0

    def hold(self, seconds: float) -> None:
        """Let no request begin for `seconds` from now; never shortens what was asked before."""
        with self._lock:
            self._resume_at = max(self._resume_at, self._clock() + seconds)

    def wait(self, at_most: float) -> bool:
        """Wait until requests may begin again; False, at once, where that takes too long."""
        until = self._clock() + at_most
        while self._resume_at > self._clock():
            if self._resume_at > until:
                return False
            self._sleep(self._resume_at - self._clock())
        return True
