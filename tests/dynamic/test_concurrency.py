"""The provider's process works on more calls at once than the four threads it is started with."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from parallel_provider.dynamic._adapter import widen_thread_pool
from parallel_provider.testing.emulator import Emulator
from tests.engines import Project

CALLS = 16
PROGRAM = f"""
import parallel_provider as parallel

for number in range({CALLS}):
    parallel.App(f"app-{{number}}")
"""


def test_pool_of_the_caller_grows() -> None:
    """Tasks that all wait for each other end, which four threads could never do."""
    everybody = threading.Barrier(CALLS, timeout=30)
    with ThreadPoolExecutor(max_workers=4) as pool:
        assert pool.submit(widen_thread_pool).result()
        for arrival in [pool.submit(everybody.wait) for _ in range(CALLS)]:
            arrival.result()


def test_other_pools_stay_as_they_are() -> None:
    """Only the pool that calls is widened, and outside of one nothing happens."""
    with ThreadPoolExecutor(max_workers=4) as other:
        other.submit(threading.current_thread).result()
        assert not widen_thread_pool()
        with ThreadPoolExecutor(max_workers=2) as pool:
            assert pool.submit(widen_thread_pool, 8).result()
            assert (pool._max_workers, other._max_workers) == (8, 4)


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
