"""examples/rotation: nightly rotations, a worker that reloads its key, and a leaked key."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.clock import Clock
from tests.scenarios.story import live_keys, stored_text

ROTATION = Path(__file__).parents[2] / "examples" / "rotation"


class Worker:
    """The example's worker, as a process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        send = f"import os, signal; os.kill({process.pid}, signal.SIGHUP)"
        self.reload_command = shlex.join([sys.executable, "-c", send])

    def says(self) -> str:
        """Wait for the next line."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def running_worker(key_file: Path) -> Iterator[Worker]:
    """Run the example's worker until the block ends."""
    command = [sys.executable, str(ROTATION / "worker.py"), str(key_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Worker(process)
        finally:
            process.terminate()


def working_keys(emulator: Emulator) -> list[str]:
    """Return the names of the keys that work."""
    return [key["api_key_name"] for key in live_keys(emulator)]


def current_key(project: Project) -> str:
    """Return the worker's output while it uses the current key."""
    return f"working with the key {project.stack.outputs()['current_key'].value}"


def test_worker_gets_each_nights_key_and_a_leaked_one_dies_at_once(
    project: Project, emulator: Emulator, tmp_path: Path
) -> None:
    """The worker's key always works. After a leak, no other key works."""
    key_file = tmp_path / "api-key"
    project.copy(ROTATION)
    project.env.update(emulator.environment)
    project.config("keyFile", str(key_file))
    clock = Clock(project, emulator)

    project.up()
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.read_text() not in stored_text(project)

    with running_worker(key_file) as worker:
        assert worker.says() == current_key(project)
        project.config("reload", worker.reload_command)

        clock.forward(days=1)
        assert changes(project.up()) == {"update": 2, "same": 2}
        assert worker.says() == current_key(project)
        assert working_keys(emulator) == ["worker", "worker-2"]
        assert changes(project.up()) == {"same": 4}

        clock.forward(days=1)
        project.up()
        assert worker.says() == current_key(project)
        assert working_keys(emulator) == ["worker-2", "worker-3"]

        project.config("leak", "2026-11-23")
        project.config("overlap", "0s")
        project.up()
        assert worker.says() == current_key(project)
        assert working_keys(emulator) == ["worker-4"]

        project.config("overlap", "2h")
        project.up()
        assert working_keys(emulator) == ["worker-4"]

    project.destroy()
    assert not key_file.exists()
    assert working_keys(emulator) == []


def test_failed_handover_leaves_the_worker_a_working_key(
    project: Project, emulator: Emulator, tmp_path: Path
) -> None:
    """A night with a failing reload is an error, and the next run repairs it."""
    key_file = tmp_path / "api-key"
    project.copy(ROTATION)
    project.env.update(emulator.environment)
    project.config("keyFile", str(key_file))
    clock = Clock(project, emulator)
    project.up()

    project.config("reload", "false")
    clock.forward(days=1)
    assert "returned non-zero exit status" in project.fails("up")
    assert working_keys(emulator) == ["worker", "worker-2"]

    project.config("reload", "true")
    project.up()
    assert working_keys(emulator) == ["worker", "worker-2"]
    assert key_file.read_text()[-4:] == project.stack.outputs()["current_key"].value[-4:]
