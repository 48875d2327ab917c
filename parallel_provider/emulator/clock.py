"""The emulator's time: the machine's, shifted by an offset that tests set."""

from __future__ import annotations

import time


class Clock:
    """Tells epoch seconds; everything stamped or judged by the emulator asks this one."""

    def __init__(self) -> None:
        self.offset_seconds = 0.0

    def now(self) -> float:
        """Return the shifted time as epoch seconds."""
        return time.time() + self.offset_seconds
