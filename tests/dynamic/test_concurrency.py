"""The provider's process works on more calls at once than the four threads it is started with."""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project

CALLS = 16
PROGRAM = f"""
import parallel_provider as parallel

for number in range({CALLS}):
    parallel.App(f"app-{{number}}")
"""


def test_provider_process_sends_more_than_four_requests_at_once(
    project: Project, emulator: Emulator
) -> None:
    """While the first answers are held back, the other creates arrive too.

    The pool is the SDK's: this is what notices when it is kept in another place one day.
    """
    held_back = 3.0
    emulator.add_fault(
        method="POST", path="/service/v1/apps", kind="delay", seconds=held_back, times=CALLS
    )
    project.env |= emulator.environment
    project.write(PROGRAM)
    project.up(parallel=2 * CALLS)
    arrivals = [entry["at"] for entry in emulator.state()["log"] if entry["method"] == "POST"]
    assert len(arrivals) == CALLS
    assert sum(at < arrivals[0] + held_back for at in arrivals) > 4
