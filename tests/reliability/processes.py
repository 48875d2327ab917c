"""Finds the processes of a run among our descendants, and sends them signals."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project

Role = Literal["provider", "program", "engine"]

_POLL_SECONDS = 0.02


class Watch(threading.Thread):
    """Sends a signal to a process of a run when the server has had a number of requests."""

    def __init__(
        self, emulator: Emulator, role: Role, request: str, count: int, signal_: signal.Signals
    ) -> None:
        super().__init__(daemon=True)
        self._emulator = emulator
        self._role = role
        self._request = request
        self._count = count
        self._signal = signal_
        self._over = threading.Event()
        self._family: list[int] = []
        self.hit: list[int] = []

    def run(self) -> None:
        """Wait for the requests, and send the signal once."""
        while not self._over.wait(_POLL_SECONDS):
            if self._emulator.state()["requests"].get(self._request, 0) >= self._count:
                self._family = list(_descendants())
                # The same list, as others may have it already.
                self.hit += [pid for pid in self._family if _has_role(pid, self._role)]
                _signal_all(self.hit, self._signal)
                return

    def stop(self) -> None:
        """Stop watching, and kill the child processes that a killed engine has left."""
        self._over.set()
        self.join()
        if self._role == "engine":
            orphans = [pid for pid in self._family if _is_of_an_engine(pid)]
            _signal_all(orphans, signal.SIGKILL)


@contextlib.contextmanager
def signalled(
    emulator: Emulator,
    role: Role,
    request: str,
    count: int,
    signal_: signal.Signals = signal.SIGKILL,
) -> Iterator[Watch]:
    """During the block, send the signal when the server has had that many of these requests."""
    watch = Watch(emulator, role, request, count, signal_)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def crash(project: Project, emulator: Emulator, role: Role, route: str, number: int = 1) -> str:
    """Run `up`, kill a process during a request of this run, and return the output.

    The server does the work of the request (by its number in this run; a POST, unless `route` has
    another method before it), but its answer comes too late for the process.
    """
    method, _, path = route.rpartition(" ")
    method = method or "POST"
    emulator.add_fault("delay", method=method, path=path, after=number - 1, seconds=1.0)
    request = f"{method} {path}"
    count = emulator.state()["requests"].get(request, 0) + number
    said = ""
    with signalled(emulator, role, request, count) as watch:
        try:
            project.up()
        except CommandError as error:
            said = str(error)
            project.said.append(said)
    assert watch.hit, "nothing was killed"
    emulator.clear_faults()
    return said


def _signal_all(pids: Iterable[int], signal_: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_)


def _descendants() -> Iterator[int]:
    parents = dict(_parents())
    for pid, parent in parents.items():
        ancestor = parent
        while ancestor in parents and ancestor != os.getpid():
            ancestor = parents[ancestor]
        if ancestor == os.getpid():
            yield pid


def _has_role(pid: int, role: Role) -> bool:
    words = _command_line(pid)
    if role == "engine":
        return bool(words) and Path(words[0]).name == "pulumi" and "up" in words
    marks = {
        "provider": ("pulumi.dynamic", "pulumi-resource-pulumi-python"),
        "program": ("program_main.py", "pulumi-language-python-exec"),
    }[role]
    return any(mark in word for mark in marks for word in words)


def _is_of_an_engine(pid: int) -> bool:
    marks = ("pulumi.dynamic", "pulumi-resource-pulumi-python", "pulumi-language-python")
    return any(mark in word for mark in marks for word in _command_line(pid))


def _command_line(pid: int) -> list[str]:
    """Return a process's arguments and its name, or nothing if it has ended.

    A forked process has the arguments of the fork server, and only its name is its own.
    """
    folder = Path(f"/proc/{pid}")
    try:
        words = (folder / "cmdline").read_text(errors="replace").split("\0")[:-1]
        return [*words, (folder / "comm").read_text().strip()]
    except OSError:
        return []


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # The command's name is in parentheses and can contain any characters.
            state = (folder / "stat").read_text(errors="replace").rpartition(") ")[2]
            yield int(folder.name), int(state.split()[1])
