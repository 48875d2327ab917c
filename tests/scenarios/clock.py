"""Time for scenarios: moves the clocks of the emulator, the program and the provider together."""

from __future__ import annotations

import time
from pathlib import Path

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project

DAY = 86_400
_SHIFTED = Path(__file__).parent / "shifted_clock"


class Clock:
    """The time of a scenario. It starts at the real time."""

    def __init__(self, project: Project, emulator: Emulator) -> None:
        self._project = project
        self._emulator = emulator
        self._offset = 0.0
        self._ahead_here = 0.0
        self._set()

    def now(self) -> float:
        """Return the scenario's time, in epoch seconds."""
        return time.time() + self._offset

    def forward(self, *, days: float = 0, seconds: float = 0) -> None:
        """Move all clocks forward."""
        self._offset += days * DAY + seconds
        self._set()

    def wrong_here(self, *, ahead_seconds: float) -> None:
        """Move this machine's clock ahead of the server's, or behind it with a negative number."""
        self._ahead_here = ahead_seconds
        self._set()

    def _set(self) -> None:
        self._emulator.set_clock(self._offset)
        self._project.env["PYTHONPATH"] = str(_SHIFTED)
        self._project.env["SCENARIO_CLOCK_OFFSET_SECONDS"] = str(self._offset + self._ahead_here)
