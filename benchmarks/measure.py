"""Measures one operation of one stack: time, CPU, memory and API calls."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parallel_provider.testing import Emulator

_PROC = Path("/proc")
_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Cost:
    """The cost of an operation.

    `cpu_seconds` counts this process and all processes that were waited for. `provider_mib` is the
    peak memory of the provider process, or None without /proc.
    """

    seconds: float
    cpu_seconds: float
    provider_mib: float | None
    calls: int


def measure(operation: Callable[[], object], emulator: Emulator) -> Cost:
    """Run an operation and return its cost."""
    calls_before = _calls(emulator)
    cpu_before = _cpu_seconds()
    with _PeakMemory() as memory:
        started = time.perf_counter()
        operation()
        seconds = time.perf_counter() - started
    return Cost(
        seconds=seconds,
        cpu_seconds=_cpu_seconds() - cpu_before,
        provider_mib=memory.peak_mib,
        calls=_calls(emulator) - calls_before,
    )


def _calls(emulator: Emulator) -> int:
    return sum(emulator.state()["requests"].values())


def _cpu_seconds() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


class _PeakMemory:
    """Measures the provider processes among the descendants of this process."""

    def __init__(self) -> None:
        self.peak_mib: float | None = None
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self) -> _PeakMemory:
        if _PROC.is_dir():
            self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._watcher.ident is not None:
            self._watcher.join()

    def _watch(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            for entry in _PROC.iterdir():
                if entry.name.isdecimal() and _is_provider(int(entry.name)):
                    mib = _peak_mib(int(entry.name))
                    if mib is not None:
                        self.peak_mib = max(self.peak_mib or 0.0, mib)


def _is_provider(pid: int) -> bool:
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        is_provider = b"pulumi.dynamic" in arguments or any(
            b"/pulumi-resource-" in argument for argument in arguments
        )
        return is_provider and _is_descendant(pid)
    except OSError:
        return False


def _is_descendant(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        stat = (_PROC / str(pid) / "stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
    return False


def _peak_mib(pid: int) -> float | None:
    try:
        for line in (_PROC / str(pid) / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None
