"""Time for scenarios: the emulator, the program and the provider move forward together."""

from __future__ import annotations

import time
from pathlib import Path

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project

DAY = 86_400
_SHIFTED = Path(__file__).parent / "shifted_clock"


class Clock:
    """Moves a scenario's time, which begins as the real one."""

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
        """Let time pass."""
        self._offset += days * DAY + seconds
        self._set()

    def wrong_here(self, *, ahead_seconds: float) -> None:
        """Let this machine's clock, and not the server's, be ahead; or behind, where negative."""
        self._ahead_here = ahead_seconds
        self._set()

    def _set(self) -> None:
        self._emulator.set_clock(self._offset)
        self._project.env["PYTHONPATH"] = str(_SHIFTED)
        self._project.env["SCENARIO_CLOCK_OFFSET_SECONDS"] = str(self._offset + self._ahead_here)
