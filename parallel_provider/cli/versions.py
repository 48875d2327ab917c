"""`parallel-provider --version`: what a bug report needs."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess

import click

from parallel_provider.version import __version__

_TIMEOUT_SECONDS = 10


def print_versions(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    """Print the versions of this package, Python and Pulumi, and end."""
    if not wanted or context.resilient_parsing:
        return
    click.echo(f"parallel-provider {__version__}")
    click.echo(f"Python {platform.python_version()} ({platform.system()} {platform.machine()})")
    click.echo(f"Pulumi's SDK {_sdk_version()}")
    click.echo(f"Pulumi {_pulumi_version()}")
    context.exit()


def _sdk_version() -> str:
    try:
        return importlib.metadata.version("pulumi")
    except importlib.metadata.PackageNotFoundError:
        return "isn't installed"


def _pulumi_version() -> str:
    """Ask the `pulumi` on PATH, without letting it ask for a newer version."""
    executable = shutil.which("pulumi")
    if executable is None:
        return "isn't on PATH"
    try:
        done = subprocess.run(  # noqa: S603 - the user's own pulumi
            [executable, "version"],
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"doesn't say its version ({type(error).__name__})"
    version = done.stdout.strip().removeprefix("v")
    if done.returncode != 0 or not version or "\n" in version:
        return "doesn't say its version"
    return version
