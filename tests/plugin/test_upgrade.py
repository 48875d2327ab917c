"""A newer version in the same environment, with the steps of docs/native-plugin.md."""

from __future__ import annotations

import os
import shutil
import site
import venv
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.plugin.language_project import ROOT, run_in
from tests.plugin.yaml_project import needs_yaml
from tests.real_pulumi import pulumi_environment

NEXT = "99.0.0"
PROGRAM = """
name: shop
runtime: yaml
resources:
  search: {type: parallel:App}
"""


class Machine:
    """An environment with a copy of the package, a program, and Pulumi's own files."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self._sources = folder / "sources"
        for name in ("parallel_provider", "pulumi_embedded"):
            shutil.copytree(ROOT / name, self._sources / name)
        venv.create(folder / "venv", symlinks=True)
        [packages] = (folder / "venv").glob("lib/python*/site-packages")
        ours = [str(self._sources), *site.getsitepackages()]
        (packages / "copy.pth").write_text("\n".join(ours))
        self._python = str(folder / "venv" / "bin" / "python")
        self.program = folder / "program"
        self.program.mkdir()
        self.home = folder / "home"
        active = [str(folder / "venv" / "bin"), os.environ["PATH"]]
        self.env = {
            **os.environ,
            "PATH": os.pathsep.join(active),
            **emulator.environment,
            **pulumi_environment(folder),
        }

    def run(self, *command: str) -> str:
        """Run a command in the program's folder, and return what it prints."""
        return run_in(self.program, self.env, *command)

    def install_plugin(self) -> str:
        """Run `parallel-provider plugin install`."""
        return self.run(self._python, "-m", "parallel_provider.cli", "plugin", "install")

    def upgrade(self) -> None:
        """Put another version of the package into the environment."""
        for name in ("version.py", "plugin/schema.json"):
            file = self._sources / "parallel_provider" / name
            text = file.read_text()
            assert __version__ in text
            file.write_text(text.replace(__version__, NEXT))

    def plugins(self) -> list[str]:
        """Return the names of the installed plugins' folders."""
        return [path.name for path in (self.home / "plugins").iterdir() if path.is_dir()]


@needs_yaml
@pytest.mark.timeout(500)
def test_upgrade_by_the_documented_steps(tmp_path: Path, emulator: Emulator) -> None:
    """Nothing changes, the program and the state name the new version, and the old one is gone."""
    machine = Machine(tmp_path, emulator)
    file = machine.program / "Pulumi.yaml"
    file.write_text(PROGRAM)
    machine.install_plugin()
    machine.run("pulumi", "stack", "init", "dev")
    machine.run("pulumi", "package", "add", "parallel")
    assert f"parallel: parallel@{__version__}" in file.read_text()
    machine.run("pulumi", "up", "--yes", "--non-interactive")
    before = emulator.state()["apps"]

    machine.upgrade()
    # Until the next installation, the launcher of the old version starts the new one.
    assert "2 unchanged" in machine.run("pulumi", "preview", "--non-interactive")
    told = machine.install_plugin()
    assert f"Removed the plugin parallel {__version__}" in told
    assert machine.plugins() == [f"resource-parallel-v{NEXT}"]
    file.write_text(file.read_text().replace(f"parallel@{__version__}", f"parallel@{NEXT}"))
    machine.run("pulumi", "package", "add", "parallel")

    up = machine.run("pulumi", "up", "--yes", "--non-interactive")
    assert "2 unchanged" in up
    assert "warning" not in up.lower()
    assert f"::default_{NEXT.replace('.', '_')}" in machine.run("pulumi", "stack", "export")
    assert emulator.state()["apps"] == before
    machine.run("pulumi", "refresh", "--yes", "--non-interactive")
    assert "2 deleted" in machine.run("pulumi", "destroy", "--yes", "--non-interactive")
