"""Allows more calls at the same time than the SDK's provider process."""

from __future__ import annotations

import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

WORKERS = 32


def widen_thread_pool(workers: int = WORKERS) -> bool:
    """Let the thread pool of this call grow to `workers` threads; return whether that worked.

    The SDK has four threads for all dynamic resources of a run. Two hundred creates then wait for
    each other, whatever `--parallel` says, and no setting changes that. But the arguments of a
    pool's thread have a reference to the pool. If a later Python or SDK works differently, this
    function changes nothing.
    """
    started_with = getattr(threading.current_thread(), "_args", None) or (None,)
    pool = started_with[0]() if isinstance(started_with[0], weakref.ref) else None
    size = getattr(pool, "_max_workers", None)
    if not isinstance(pool, ThreadPoolExecutor) or not isinstance(size, int):
        return False
    pool._max_workers = max(size, workers)
    return True
