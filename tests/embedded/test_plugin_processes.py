"""Plugins that can't be started, that end too early, and what is left of them afterwards."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pulumi.automation.errors import CommandError

from pulumi_embedded import EmbeddedStack
from tests.embedded.shelf_project import PLUGIN, install_plugin


def write_program(folder: Path, source: str = 'Thing("a")') -> None:
    """Write a program with these lines."""
    shelf = Path(__file__).parent / "shelf" / "shelf.py"
    (folder / "shelf.py").write_text(shelf.read_text())
    (folder / "__main__.py").write_text(f"from shelf import Thing\n{source}\n")


@pytest.fixture(autouse=True)
def forked() -> None:
    """Start new processes: these tests are about them."""


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
    text, dying = plugin.read_text(), tmp_path / "dying.py"
    refusal = "        self._refuse(request.name, context)"
    dying.write_text(PLUGIN.read_text().replace(refusal, "        os._exit(3)", 1))
    plugin.write_text(text.replace(str(PLUGIN), str(dying)))
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
