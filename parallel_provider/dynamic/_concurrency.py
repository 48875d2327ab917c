"""More calls at once than the SDK's provider process allows by itself."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

WORKERS = 32


def widen_thread_pool(workers: int = WORKERS) -> bool:
    """Let the thread pool that calls us grow to `workers` threads; say whether that worked.

    The SDK serves all dynamic resources of a run from four threads, so that two hundred creates
    wait for each other's answers whatever `--parallel` says. There is no setting for it; but a
    pool's thread was started with a reference to its pool. Where a later Python or SDK does that
    differently, nothing is changed, and a run is as fast as it was.
    """
    started_with = getattr(threading.current_thread(), "_args", None) or (None,)
    pool = started_with[0]() if isinstance(started_with[0], weakref.ref) else None
    size = getattr(pool, "_max_workers", None)
    if not isinstance(pool, ThreadPoolExecutor) or not isinstance(size, int):
        return False
    pool._max_workers = max(size, workers)
    return True
