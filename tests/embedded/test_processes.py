"""Child processes end with the operation, after Ctrl-C, and when the parent is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.embedded.shelf_project import install_plugin

HERE = Path(__file__).parent

# The program, and what it makes until it is interrupted while the last thing is being made.
PROGRAMS = {
    "toy": ('Thing("a")\nThing("slow", takes=1.5)', ["a-1", "slow-1"]),
    "shelf": ('Thing("waits")', ["waits-1"]),
}
TELL_PID = "\nimport os\nopen({name!r}, 'w').write(str(os.getpid()))\n"
DRIVER = """
import sys
from pulumi_embedded import EmbeddedStack

folder = sys.argv[1]
env = {"TOY_CLOUD": folder, "SHELF_FOLDER": folder}
stack = EmbeddedStack("test", folder, plugins={"shelf": folder + "/bin"}, env_vars=env)
try:
    stack.up()
except KeyboardInterrupt:
    resources = stack.export_stack().deployment["resources"]
    print("interrupted with", sorted(r["id"] for r in resources if r.get("provider")))
"""

SECONDS = 20.0


@dataclass(frozen=True)
class Driver:
    """A process that runs `up`, its child processes, and what they have made or are making."""

    process: subprocess.Popen[str]
    children: list[int]
    things: list[str]


@pytest.fixture(params=PROGRAMS)
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    """Run `up` in a process of its own, and wait until the last thing is being made.

    The things of `toy` are those of a dynamic provider, and those of `shelf` of a native plugin.
    """
    program, things = PROGRAMS[request.param]
    provider = (HERE / request.param / f"{request.param}.py").read_text()
    if request.param == "toy":
        provider += TELL_PID.format(name="provider.pid")
    (tmp_path / f"{request.param}.py").write_text(provider)
    source = f"from {request.param} import Thing\n{program}{TELL_PID.format(name='program.pid')}"
    (tmp_path / "__main__.py").write_text(source)
    install_plugin(tmp_path / "bin")
    journal = tmp_path / "journal.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        wait_for(
            lambda: journal.exists() and journal.read_text().count('"op": "create"') == len(things)
        )
        wait_for(lambda: all((tmp_path / f"{thing}.json").exists() for thing in things[:-1]))
        yield Driver(process, list(child_pids(tmp_path)), things)
        process.kill()


def child_pids(folder: Path) -> Iterator[int]:
    """Yield the ids of the program's process, and of the provider's."""
    yield int((folder / "program.pid").read_text())
    if (folder / "provider.pid").exists():
        yield int((folder / "provider.pid").read_text())
    calls = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    yield from (int(call["pid"]) for call in calls if "pid" in call)


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


def test_interrupt_finishes_running_steps_and_keeps_the_state(driver: Driver) -> None:
    """All created resources are in the state, and no process is left."""
    driver.process.send_signal(signal.SIGINT)
    output, _ = driver.process.communicate(timeout=SECONDS)
    assert output == f"interrupted with {driver.things}\n"
    assert not any(map(is_running, driver.children))


def test_children_end_when_the_parent_is_killed(driver: Driver) -> None:
    """A killed test run leaves no processes."""
    assert len(driver.children) == 2
    assert all(map(is_running, driver.children))
    driver.process.kill()
    driver.process.communicate(timeout=SECONDS)
    wait_for(lambda: not any(map(is_running, driver.children)))
