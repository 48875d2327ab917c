"""`plugin install`: Pulumi gets the plugin of this environment."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from parallel_provider.cli.plugin import launcher_text
from parallel_provider.version import __version__
from tests.cli.conftest import Run
from tests.real_pulumi import needs_pulumi


def fake_pulumi(folder: Path, script: str) -> str:
    """Write a `pulumi` command, and return a PATH on which it is the first one."""
    command = folder / "pulumi"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def version_said_by(launcher: Path, folder: Path, *arguments: str) -> str:
    """Start a plugin in a folder, and return the version that it says."""
    command = [str(launcher), *arguments]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                said: str = stub.GetPluginInfo(empty_pb2.Empty(), timeout=60).version
                return said
        finally:
            process.kill()


def write_launcher(plugins: Path, version: str, text: str) -> Path:
    """Write a launcher as Pulumi installs it, and return its folder."""
    folder = plugins / f"resource-parallel-v{version}"
    folder.mkdir(parents=True)
    launcher = folder / "pulumi-resource-parallel"
    launcher.write_text(text)
    launcher.chmod(0o755)
    return folder


def test_plugin_is_installed_with_its_version_and_launcher(run: Run, tmp_path: Path) -> None:
    """The version is that of the package, and the launcher starts it in this environment."""
    keep = f'echo "$@" > {tmp_path}/arguments; cp "$7" {tmp_path}/launcher'
    path = fake_pulumi(tmp_path, keep)

    done = run("plugin", "install", PATH=path)

    assert done.returncode == 0, done.stderr
    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[:5] == ["plugin", "install", "resource", "parallel", f"v{__version__}"]
    assert Path(arguments[arguments.index("--file") + 1]).name == "pulumi-resource-parallel"
    assert sys.executable in done.stdout
    assert version_said_by(tmp_path / "launcher", tmp_path) == __version__


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


def test_environment_has_no_plugin_on_path() -> None:
    """Pulumi would start it in place of the version that a program asks for, with a warning."""
    scripts = importlib.metadata.distribution("parallel-provider").entry_points
    assert [script.name for script in scripts] == ["parallel-provider"]


@needs_pulumi
def test_pulumi_lists_the_installed_plugin(run: Run, tmp_path: Path) -> None:
    """Installed twice, as after an upgrade."""
    for _ in range(2):
        done = run("plugin", "install", PULUMI_HOME=str(tmp_path), PATH=os.environ["PATH"])
        assert done.returncode == 0, done.stderr

    [folder] = (tmp_path / "plugins").glob("resource-parallel-*/")
    assert folder.name == f"resource-parallel-v{__version__}"
    assert (folder / "pulumi-resource-parallel").exists()


@needs_pulumi
def test_older_plugin_of_the_same_environment_is_removed(run: Run, tmp_path: Path) -> None:
    """It would run what the environment has now. Those of others are left, whatever they are."""
    plugins, this = tmp_path / "plugins", launcher_text()
    write_launcher(plugins, "0.0.1", this)
    others = [
        write_launcher(plugins, "0.0.2", this.replace(sys.executable, "/other/bin/python")),
        write_launcher(plugins, "0.0.3", f"#!/bin/sh\nexec {sys.executable} another\n"),
        write_launcher(plugins, "0.0.4", "\n".join([*this.splitlines()[:1], "", this])),
    ]

    done = run("plugin", "install", PULUMI_HOME=str(tmp_path), PATH=os.environ["PATH"])

    assert done.returncode == 0, done.stderr
    assert "Removed the plugin parallel 0.0.1, which ran the same environment." in done.stdout
    left = {path.name for path in plugins.iterdir() if path.is_dir()}
    assert left == {f"resource-parallel-v{__version__}", *(folder.name for folder in others)}


@pytest.mark.parametrize("gone", ["python", "package"])
def test_launcher_whose_environment_is_gone_says_what_to_do(tmp_path: Path, gone: str) -> None:
    """Also where Python is there and the package isn't, as after an upgrade of Python."""
    lines = [
        f"{gone}=/gone/{gone}" if line.startswith(f"{gone}=") else line
        for line in launcher_text().splitlines()
    ]
    folder = write_launcher(tmp_path, "0.0.1", "\n".join(lines))

    done = subprocess.run(
        [folder / "pulumi-resource-parallel", "127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
    )

    python = "/gone/python" if gone == "python" else sys.executable
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"The Python environment of the plugin parallel has moved or is gone ({python}): "
        "run `parallel-provider plugin install` again, with the command of the new environment\n"
    )


def test_launcher_imports_nothing_from_the_folder_of_a_program(tmp_path: Path) -> None:
    """Pulumi starts plugins there, and a program may have a module of any name."""
    folder = write_launcher(tmp_path / "plugins", "0.0.1", launcher_text())
    program = tmp_path / "program"
    program.mkdir()
    for name in ("secrets", "gc", "grpc", "parallel_provider"):
        (program / f"{name}.py").write_text("raise SystemExit('imported from the program')")

    assert version_said_by(folder / "pulumi-resource-parallel", program) == __version__


def test_launcher_with_flags_of_the_engine_serves(tmp_path: Path) -> None:
    """`pulumi --logflow` puts flags for logs before its address."""
    launcher = write_launcher(tmp_path, "0.0.1", launcher_text()) / "pulumi-resource-parallel"

    flags = ("--logtostderr", "-v=9", "--tracing", "file:trace")
    assert version_said_by(launcher, tmp_path, *flags, "127.0.0.1:9") == __version__


def test_launcher_with_a_command_runs_it(run: Run, tmp_path: Path) -> None:
    """`pulumi plugin run` gives a plugin the arguments of a command."""
    folder = write_launcher(tmp_path, "0.0.1", launcher_text())

    done = subprocess.run(
        [folder / "pulumi-resource-parallel", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == run("--version").stdout
