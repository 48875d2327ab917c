"""Plugins that can't be started, that end too early, and what is left of them afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from pulumi_embedded import EmbeddedStack
from tests.embedded.shelf_project import install_plugin
from tests.embedded.test_processes import SECONDS, is_running, wait_for

DRIVER = """
import sys
from pulumi_embedded import EmbeddedStack

folder = sys.argv[1]
plugins = {"shelf": folder + "/bin"}
stack = EmbeddedStack("test", folder, plugins=plugins, env_vars={"SHELF_FOLDER": folder})
try:
    stack.up()
except KeyboardInterrupt:
    resources = stack.export_stack().deployment["resources"]
    print("interrupted with", sorted(r["id"] for r in resources if r.get("provider")))
"""


def write_program(folder: Path, source: str = 'Thing("a")') -> None:
    """Write a program with these lines."""
    shelf = Path(__file__).parent / "shelf" / "shelf.py"
    (folder / "shelf.py").write_text(shelf.read_text())
    (folder / "__main__.py").write_text(f"from shelf import Thing\n{source}\n")


@pytest.fixture(autouse=True)
def forked() -> None:
    """Start new processes: these tests are about them."""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run `up` in a process of its own, and wait until a create waits."""
    write_program(tmp_path, 'Thing("waits")')
    install_plugin(tmp_path / "bin")
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    journal = tmp_path / "journal.jsonl"
    wait_for(lambda: journal.exists() and '"op": "create"' in journal.read_text())
    yield process
    process.kill()
    process.communicate()


def plugin_pid(folder: Path) -> int:
    """Return the id of the plugin's process."""
    calls = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return int(next(call["pid"] for call in calls if call["op"] == "configure"))


def test_interrupt_cancels_the_plugin_and_keeps_what_it_made(
    driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """The create ends when the plugin is cancelled, and the thing is in the state."""
    pid = plugin_pid(tmp_path)
    driver.send_signal(signal.SIGINT)
    output, _ = driver.communicate(timeout=SECONDS)
    assert output == "interrupted with ['waits-1']\n"
    assert not is_running(pid)


def test_plugin_ends_when_the_parent_is_killed(
    driver: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A killed test run leaves no processes."""
    pid = plugin_pid(tmp_path)
    assert is_running(pid)
    driver.kill()
    driver.communicate(timeout=SECONDS)
    wait_for(lambda: not is_running(pid))


def test_plugin_that_is_not_there_is_named_at_once(tmp_path: Path) -> None:
    """The error names the package and the path, and says what to give."""
    with pytest.raises(
        ValueError, match=r"plugin of the package 'shelf' can't be started: \S+nope"
    ):
        EmbeddedStack("test", tmp_path, plugins={"shelf": tmp_path / "nope"})


@pytest.mark.parametrize(
    "command",
    [["true"], [sys.executable, "-c", "raise SystemExit('no such engine')"]],
    ids=["ends", "fails"],
)
def test_plugin_that_ends_at_once_is_one_line(tmp_path: Path, command: list[str]) -> None:
    """It names the package and the command."""
    write_program(tmp_path)
    stack = EmbeddedStack("test", tmp_path, plugins={"shelf": command})

    with pytest.raises(CommandError) as failure:
        stack.up()

    assert "the plugin of the package 'shelf' (" in str(failure.value)
    assert "ended, or printed no port, before it was ready" in str(failure.value)
    assert "Traceback" not in str(failure.value)


def test_plugin_that_dies_in_a_call_fails_the_resource(tmp_path: Path) -> None:
    """What was made before is in the state, and the next run goes on with a new process."""
    write_program(tmp_path, 'Thing("a")')
    plugin = install_plugin(tmp_path / "bin")
    text = plugin.read_text()
    plugin.write_text(
        text.replace("        self._refuse(request.name, context)", "        os._exit(3)", 1)
    )
    stack = EmbeddedStack(
        "test", tmp_path, plugins={"shelf": plugin}, env_vars={"SHELF_FOLDER": str(tmp_path)}
    )

    with pytest.raises(CommandError, match="error reading from server: EOF"):
        stack.up()

    plugin.write_text(text)
    stack.up()
    assert (tmp_path / "a-1.json").exists()
    stack.destroy()


def test_state_of_a_package_without_its_plugin_is_kept(tmp_path: Path) -> None:
    """A destroy says which plugin is missing, and loses nothing."""
    write_program(tmp_path)
    env = {"SHELF_FOLDER": str(tmp_path)}
    plugins = {"shelf": install_plugin(tmp_path / "bin")}
    stack = EmbeddedStack("test", tmp_path, plugins=plugins, env_vars=env)
    stack.up()
    other = EmbeddedStack("test", tmp_path, env_vars=env)
    other.import_stack(stack.export_stack())

    for operation in (other.refresh, other.destroy):
        with pytest.raises(CommandError, match="the package 'shelf' without its plugin"):
            operation()

    resources = (other.export_stack().deployment or {})["resources"]
    assert [r["id"] for r in resources if r["type"] == "shelf:index:Thing"] == ["a-1"]
