"""What the tests of decisions share: somebody to listen, a clock, and runs against the emulator."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from parallel_provider.lifecycle.run import Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, Said, run_at


@pytest.fixture
def said() -> Said:
    """Return what the test's runs have said."""
    return Said()


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the test's runs: a minute before the end of November."""
    return Clock()


@pytest.fixture
def one_time(emulator: Emulator, clock: Clock) -> None:
    """Give the server the time of the test's runs, at first."""
    emulator.set_clock(clock.now - time.time())


@pytest.fixture
def new_run(emulator: Emulator, said: Said, clock: Clock) -> Callable[[], Run]:
    """Return a way to begin one more run against the emulator; 2000 cents may be charged."""

    def begin() -> Run:
        return run_at(
            emulator.url, emulator.access_token, said=said, clock=clock, max_top_up_cents=2000
        )

    return begin
