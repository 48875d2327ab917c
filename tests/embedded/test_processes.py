"""Child processes end with the operation, after Ctrl-C, and when the parent is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TOY = Path(__file__).parent / "toy" / "toy.py"

PROGRAM = """
import os, pathlib
from toy import Thing
pathlib.Path("program.pid").write_text(str(os.getpid()))
Thing("a")
Thing("slow", takes=1.5)
"""

PROVIDER_PID = """
import os as _os
Path("provider.pid").write_text(str(_os.getpid()))
"""

DRIVER = """
import sys
from pulumi_embedded import EmbeddedStack

stack = EmbeddedStack("test", sys.argv[1], env_vars={"TOY_CLOUD": sys.argv[2]})
try:
    stack.up()
except KeyboardInterrupt:
    resources = stack.export_stack().deployment["resources"]
    print("interrupted with", sorted(r["id"] for r in resources if r.get("provider")))
"""

SECONDS = 20.0


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `up` in a process of its own, and wait until the slow resource is being created."""
    program, cloud = tmp_path / "program", tmp_path / "cloud"
    program.mkdir()
    cloud.mkdir()
    (program / "toy.py").write_text(TOY.read_text() + PROVIDER_PID)
    (program / "__main__.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(program), str(cloud)],
        stdout=subprocess.PIPE,
        text=True,
    )
    journal = cloud / "journal.jsonl"
    wait_for(lambda: journal.exists() and journal.read_text().count('"op": "create"') == 2)
    wait_for((cloud / "a-1.json").exists)
    yield process
    process.kill()
    process.communicate()


def wait_for(condition: object) -> None:
    """Wait until a condition is true."""
    assert callable(condition)
    until = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < until, "the condition never became true"
        threading.Event().wait(0.02)


def is_running(pid: int) -> bool:
    """Say whether a process is running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def children(tmp_path: Path) -> list[int]:
    """Return the ids of the program and the provider."""
    folder = tmp_path / "program"
    return [int((folder / f"{name}.pid").read_text()) for name in ("program", "provider")]


def test_interrupt_finishes_running_steps_and_keeps_the_state(
    driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """All created resources are in the state, and no process is left."""
    pids = children(tmp_path)
    driver.send_signal(signal.SIGINT)
    output, _ = driver.communicate(timeout=SECONDS)
    assert output == "interrupted with ['a-1', 'slow-1']\n"
    assert not any(map(is_running, pids))


def test_children_end_when_the_parent_is_killed(
    driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A killed test run leaves no processes."""
    pids = children(tmp_path)
    assert all(map(is_running, pids))
    driver.kill()
    driver.communicate(timeout=SECONDS)
    wait_for(lambda: not any(map(is_running, pids)))
