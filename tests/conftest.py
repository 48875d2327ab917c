"""What every test can ask for: a running emulator, as new for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parallel_provider.testing.emulator import Emulator


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[Emulator]:
    """Run one emulator for all tests of this process; `emulator` is what tests use."""
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(emulator_process: Emulator) -> Emulator:
    """Give the emulator as at its start: a new organization, no clock offset, no faults."""
    emulator_process.reset()
    return emulator_process
