"""`parallel-provider plugin install`: the native plugin for programs in all languages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click

from parallel_provider.cli import Group, examples
from parallel_provider.errors import ParallelError
from parallel_provider.version import __version__

_EXECUTABLE = "pulumi-resource-parallel"
_TIMEOUT_SECONDS = 120


@click.group(
    cls=Group,
    epilog=examples("parallel-provider plugin install"),
    short_help="Install the plugin for all Pulumi languages.",
)
def plugin() -> None:
    """Install the native plugin, for programs in YAML, TypeScript, Go and Python."""


@plugin.command(epilog=examples("parallel-provider plugin install"))
def install() -> None:
    """Install the plugin of this Python environment in Pulumi's folder of plugins.

    Pulumi then starts it for programs that use the package `parallel`. Install it again after an
    upgrade of this package.
    """
    executable = _executable()
    if shutil.which("pulumi") is None:
        raise ParallelError(
            "installing the plugin: there is no `pulumi` on PATH: install Pulumi's command line "
            "first"
        )
    command = ["pulumi", "plugin", "install", "resource", "parallel", f"v{__version__}"]
    try:
        done = subprocess.run(  # noqa: S603 - the user's own pulumi
            [*command, "--file", str(executable), "--reinstall"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ParallelError(
            f"installing the plugin: `pulumi plugin install` failed ({type(error).__name__})"
        ) from None
    if done.returncode != 0:
        output = " ".join((done.stderr or done.stdout).split())
        raise ParallelError(f"installing the plugin: `pulumi plugin install` failed: {output}")
    click.echo(f"Installed the plugin parallel {__version__}, which runs {executable}.")


def _executable() -> Path:
    """Return the plugin's executable, which is beside Python in an environment."""
    beside = Path(sys.executable).with_name(_EXECUTABLE)
    found = str(beside) if beside.exists() else shutil.which(_EXECUTABLE)
    if found is None:
        raise ParallelError(
            f"installing the plugin: {_EXECUTABLE} isn't installed: install this package with pip"
        )
    return Path(found)
