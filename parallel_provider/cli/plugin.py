"""`parallel-provider plugin install`: the native plugin for programs in all languages."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from parallel_provider.cli import Group, examples
from parallel_provider.errors import ParallelError
from parallel_provider.version import __version__

_EXECUTABLE = "pulumi-resource-parallel"
_TIMEOUT_SECONDS = 120
_FOLDER = re.compile(r"resource-parallel-v(?P<version>\d[\w.+-]*)")
_ORIGIN = (
    "# Starts Parallel's plugin for Pulumi. `parallel-provider plugin install` wrote this file."
)
# With -c, the folder in which Pulumi starts the plugin, a program's, is first in the path.
_START = (
    "import sys; sys.path = [folder for folder in sys.path if folder]; "
    "from parallel_provider.plugin.__main__ import main; main(commands_by_path=True)"
)


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
    upgrade of this package: what was installed from this environment before is then removed.
    """
    if shutil.which("pulumi") is None:
        raise ParallelError(
            "installing the plugin: there is no `pulumi` on PATH: install Pulumi's command line "
            "first"
        )
    with tempfile.TemporaryDirectory() as folder:
        launcher = Path(folder) / _EXECUTABLE
        launcher.write_text(launcher_text())
        launcher.chmod(0o755)
        _pulumi("install", f"v{__version__}", "--file", str(launcher), "--reinstall")
    click.echo(f"Installed the plugin parallel {__version__}, which runs {sys.executable}.")
    for version in _other_versions(_pulumi_home() / "plugins"):
        _pulumi("rm", version, "--yes")
        click.echo(
            f"Removed the plugin parallel {version}, which ran the same environment. In programs "
            f"whose Pulumi.yaml has `parallel@{version}`, write `parallel@{__version__}`, and run "
            "`pulumi package add parallel` and `pulumi up`."
        )


def launcher_text() -> str:
    """Return a script that starts the plugin of this environment, or says that it is gone."""
    package = Path(__file__).parents[1]
    return f"""#!/bin/sh
{_ORIGIN}
{_python_line()}
package={shlex.quote(str(package))}
if [ -x "$python" ] && [ -f "$package/plugin/__main__.py" ]; then
    exec "$python" -c '{_START}' "$@"
fi
echo "The Python environment of the plugin parallel has moved or is gone ($python):" \\
    "run \\`parallel-provider plugin install\\` again," \\
    "with the command of the new environment" >&2
exit 1
"""


def _python_line() -> str:
    return f"python={shlex.quote(sys.executable)}"


def _other_versions(plugins: Path) -> Iterator[str]:
    """Yield the other versions that are installed from this environment, and from no other.

    A launcher starts what the environment has now. So one of another version runs this one.
    """
    for folder in sorted(plugins.glob("resource-parallel-v*")):
        found = _FOLDER.fullmatch(folder.name)
        if found is None or found["version"] == __version__:
            continue
        if _is_of_this_environment(folder / _EXECUTABLE):
            yield found["version"]


def _is_of_this_environment(launcher: Path) -> bool:
    try:
        lines = launcher.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return False
    return lines[1:3] == [_ORIGIN, _python_line()]


def _pulumi_home() -> Path:
    home = os.environ.get("PULUMI_HOME", "")
    return Path(home) if home else Path.home() / ".pulumi"


def _pulumi(action: str, *arguments: str) -> None:
    """Run `pulumi plugin install` or `rm` for the plugin. Raises ParallelError."""
    what = "installing the plugin" if action == "install" else "removing an older plugin"
    try:
        done = subprocess.run(  # noqa: S603 - the user's own pulumi
            ["pulumi", "plugin", action, "resource", "parallel", *arguments],  # noqa: S607 - on PATH
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ParallelError(
            f"{what}: `pulumi plugin {action}` failed ({type(error).__name__})"
        ) from None
    if done.returncode != 0:
        output = " ".join((done.stderr or done.stdout).split())
        raise ParallelError(f"{what}: `pulumi plugin {action}` failed: {output}")
