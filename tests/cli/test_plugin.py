"""`plugin install`: Pulumi gets the plugin of this environment."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from parallel_provider.version import __version__
from tests.cli.conftest import Run


def fake_pulumi(folder: Path, script: str) -> str:
    """Write a `pulumi` command, and return a PATH on which it is the first one."""
    command = folder / "pulumi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_plugin_is_installed_with_its_version_and_executable(run: Run, tmp_path: Path) -> None:
    """The version is that of the package, and the file runs in this environment."""
    path = fake_pulumi(tmp_path, f'echo "$@" > {tmp_path}/arguments')

    done = run("plugin", "install", PATH=path)

    assert done.returncode == 0, done.stderr
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[:5] == ["plugin", "install", "resource", "parallel", f"v{__version__}"]
    executable = Path(arguments[arguments.index("--file") + 1])
    assert executable.name == "pulumi-resource-parallel"
    assert executable.exists()
    assert str(executable) in done.stdout


def test_failed_installation_is_one_line(run: Run, tmp_path: Path) -> None:
    """It has Pulumi's own words."""
    path = fake_pulumi(tmp_path, 'echo "error: no space" >&2; exit 255')

    done = run("plugin", "install", PATH=path)

    assert done.returncode == 1
    assert done.stderr == (
        "Error: installing the plugin: `pulumi plugin install` failed: error: no space\n"
    )


def test_missing_pulumi_is_one_line(run: Run, tmp_path: Path) -> None:
    """The user learns what to install first."""
    done = run("plugin", "install", PATH=str(tmp_path))

    assert done.returncode == 1
    assert done.stderr == (
        "Error: installing the plugin: there is no `pulumi` on PATH: install Pulumi's command line "
        "first\n"
    )


@pytest.mark.skipif(shutil.which("pulumi") is None, reason="pulumi is not on PATH")
def test_pulumi_lists_the_installed_plugin(run: Run, tmp_path: Path) -> None:
    """Installed twice, as after an upgrade."""
    for _ in range(2):
        done = run("plugin", "install", PULUMI_HOME=str(tmp_path), PATH=os.environ["PATH"])
        assert done.returncode == 0, done.stderr

    [folder] = (tmp_path / "plugins").glob("resource-parallel-*/")
    assert folder.name == f"resource-parallel-v{__version__}"
    assert (folder / "pulumi-resource-parallel").exists()
