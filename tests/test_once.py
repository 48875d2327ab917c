"""Once: a value that is computed once, or an error that is raised for everyone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from parallel_provider.once import Once


def test_once_computes_once_for_many_threads() -> None:
    """All other callers wait for the first one's value."""
    started, go_on, calls = threading.Event(), threading.Event(), []

    def compute() -> int:
        calls.append(1)
        started.set()
        assert go_on.wait(10)
        return 42

    once = Once(compute)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(once.get)
        assert started.wait(10)
        others = [threads.submit(once.get) for _ in range(7)]
        go_on.set()
        assert [future.result(10) for future in (first, *others)] == [42] * 8
    assert len(calls) == 1


def test_once_keeps_an_error_for_everyone() -> None:
    """The failing computation isn't repeated."""
    calls = []

    def compute() -> int:
        calls.append(1)
        raise ValueError("no")

    once = Once(compute)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            once.get()
    assert len(calls) == 1
