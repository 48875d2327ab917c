"""Lets embedded stacks fork their processes from one that has done the large imports.

A test's run then takes less than half of the time. Users' stacks start new processes, as the real
engine does. So do all tests in `make test-slow` and with `pytest --new-processes`. Processes that
are forked from the same one have the same seed for hashes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import pytest

from pulumi_embedded import processes
from tests.fork_server import PARENTS_PIPE
from tests.scripts import FIRST_LINES

new_process = processes.start

_SERVER = Path(__file__).with_name("fork_server.py")
_READ_AT_START = (
    *("GRPC_", "LANG", "LC_", "OTEL_", "PROTOCOL_BUFFERS_", "PULUMI_", "PYDANTIC_", "PYTHON"),
    *("TEMP", "TMP", "TRACEPARENT", "_PYTHON"),
)
_READ_LATER = ("PULUMI_CONFIG", "PULUMI_CONFIG_SECRET_KEYS", "PULUMI_PROJECT")
_SECONDS_TO_END = 5.0


class ForkedProcess:
    """A process that the fork server started, with what is used of `subprocess.Popen`."""

    def __init__(self, output: int, errors: int, status: int) -> None:
        self.stdout = open(output, encoding="utf-8", errors="replace")  # noqa: SIM115
        self.stderr = open(errors, encoding="utf-8", errors="replace")  # noqa: SIM115
        self._status = open(status, encoding="utf-8")  # noqa: SIM115
        self.pid = int(self._status.readline())
        self._code: int | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._wait_for_code, daemon=True).start()

    def _wait_for_code(self) -> None:
        with self._status:
            self._code = int(self._status.readline() or -signal.SIGKILL)
        self._ended.set()

    def poll(self) -> int | None:
        """Return the exit code, or None if the process is running."""
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended, and return its exit code."""
        if not self._ended.wait(timeout) or self._code is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        return self._code

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        # It can have ended, and its exit code can still be on its way.
        with contextlib.suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, number)


class ForkServer:
    """A process that forks others. It ends with this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._connection, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-u", str(_SERVER), str(other.fileno())],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                pass_fds=(other.fileno(),),
                start_new_session=True,
            )

    def fork(self, request: IO[str], descriptor: int) -> ForkedProcess:
        """Start a process that inherits the descriptor."""
        output, to_output = os.pipe()
        errors, to_errors = os.pipe()
        status, to_status = os.pipe()
        descriptors = [request.fileno(), to_output, to_errors, descriptor, to_status]
        socket.send_fds(self._connection, [b"x"], descriptors)
        for end in (to_output, to_errors, to_status):
            os.close(end)
        return ForkedProcess(output, errors, status)

    def end(self) -> None:
        """Close the connection, and wait until the process has ended."""
        self._connection.close()
        self._process.wait(_SECONDS_TO_END)


class ForkServers:
    """Fork servers, one for each set of variables that a running process can't take over."""

    def __init__(self) -> None:
        self._servers: dict[frozenset[tuple[str, str]], ForkServer] = {}
        self._lock = threading.Lock()

    def start(
        self, command: Sequence[str], *, work_dir: str, env: Mapping[str, str], descriptor: int
    ) -> ForkedProcess | subprocess.Popen[str]:
        """Start a process as `processes.start` does. Other plugins than ours aren't forked."""
        arguments = _to_fork(command)
        if not arguments:
            return new_process(command, work_dir=work_dir, env=env, descriptor=descriptor)
        with self._lock:
            key = frozenset(read_at_start(env).items())
            server = self._servers.get(key) or self._servers.setdefault(key, ForkServer(env))
        with tempfile.TemporaryFile("w+") as request:
            json.dump([arguments, work_dir, dict(env)], request)
            request.seek(0)
            return server.fork(request, descriptor)

    def end(self) -> None:
        """End all servers."""
        for server in self._servers.values():
            server.end()


def _to_fork(command: Sequence[str]) -> list[str]:
    """Return the script that a forked process runs for a command, and its arguments.

    A plugin's script is run without the process that is beside it otherwise. The list is empty
    for a plugin that isn't a script for this interpreter.
    """
    _, option, *arguments = command
    if option == "-u":  # a script that gets the descriptor, and its arguments
        script, _, *rest = arguments
        return [script, str(PARENTS_PIPE), *rest]
    *_, script, engine = arguments
    with contextlib.suppress(OSError), Path(script).open("rb") as file:
        if file.read(len(FIRST_LINES)) == FIRST_LINES.encode():
            return [script, engine]
    return []


def read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Python or the SDK reads while it starts or is imported."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_READ_AT_START) and name not in _READ_LATER
    }


@pytest.fixture(scope="session")
def fork_servers() -> Iterator[ForkServers]:
    """Share the fork servers among all tests of this process."""
    servers = ForkServers()
    yield servers
    servers.end()


@pytest.fixture(autouse=True)
def forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the processes of embedded stacks that the test runs, where that is possible."""
    if sys.platform == "linux" and not request.config.getoption("new_processes", False):
        servers: ForkServers = request.getfixturevalue("fork_servers")
        monkeypatch.setattr(processes, "start", servers.start)
