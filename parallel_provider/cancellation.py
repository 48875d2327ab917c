"""Whether the user has cancelled the run. Waits end then, and nothing new is begun."""

from __future__ import annotations

import threading


class Cancellation:
    """Is shared by all calls of a run. Safe to use from several threads."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """End all waits, and let nothing new begin."""
        self._cancelled.set()

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return self._cancelled.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait, at most until the run is cancelled. Return whether it was."""
        return self._cancelled.wait(seconds)
