"""More calls at once than the SDK's provider process allows by itself."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

WORKERS = 32


def widen_thread_pool(workers: int = WORKERS) -> bool:
    """Let the thread pool that calls us grow to `workers` threads; say whether that worked.

    The SDK serves all dynamic resources of a run from four threads, so that two hundred creates
    wait for each other's answers whatever `--parallel` says. There is no setting for it, and the
    pool is reachable only as an object of this process. Where a later Python or SDK keeps it
    differently, nothing is changed, and a run is as fast as it was.
    """
    here = threading.current_thread()
    for pool in gc.get_objects():
        if isinstance(pool, ThreadPoolExecutor) and here in getattr(pool, "_threads", ()):
            size = getattr(pool, "_max_workers", None)
            if isinstance(size, int):
                pool._max_workers = max(size, workers)
                return True
    return False
