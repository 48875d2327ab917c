"""The lock that waiting threads get in random order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from pulumi_embedded.random_order import RandomOrderLock


def test_random_order_lock_is_held_by_one_thread_at_a_time() -> None:
    """Every waiting thread gets it once."""
    lock, inside, together, held = RandomOrderLock(), threading.Lock(), [], []

    def work(number: int) -> None:
        with lock:
            together.append(not inside.acquire(blocking=False))
            held.append(number)
            inside.release()

    with ThreadPoolExecutor(max_workers=20) as pool:
        list(pool.map(work, range(200)))
    assert not any(together)
    assert sorted(held) == list(range(200))
