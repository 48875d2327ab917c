"""The command line, `parallel-provider`: one file a group of commands.

Results go to standard output; everything else (progress, warnings, errors) to standard error. Exit
codes: 0 done, 1 failed, 2 called in a wrong way, 130 ended by Ctrl-C. Nothing here imports Pulumi.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from parallel_provider.errors import ParallelError
from parallel_provider.printable import line_for_user
from parallel_provider.settings import nearest
from parallel_provider.version import __version__

FAILED = 1
INTERRUPTED = 130

# Each command is imported when it is called, so that it starts fast.
_MODULES = {
    "login": "parallel_provider.cli.sign_in",
    "logout": "parallel_provider.cli.sign_in",
    "switch": "parallel_provider.cli.sign_in",
    "status": "parallel_provider.cli.sign_in",
    "token": "parallel_provider.cli.sign_in",
    "balance": "parallel_provider.cli.organization",
    "apps": "parallel_provider.cli.organization",
    "keys": "parallel_provider.cli.keys",
    "charges": "parallel_provider.cli.charges",
    "plugin": "parallel_provider.cli.plugin",
    "emulator": "parallel_provider.emulator.__main__",
}


def examples(*commands: str) -> str:
    """Return the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {command}" for command in commands)


org_option = click.option(
    "--org",
    "org_id",
    metavar="ORG_ID",
    help="The organization, if several are signed in; else the selected one.",
)
"""Chooses an organization, and refuses any other."""


class Group(click.Group):
    """Suggests a command in the place of a misspelt one. click does so for options."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Fail if there is no such command, and name the most similar one."""
        name = args[0]
        is_known = self.get_command(ctx, name) is not None or name.startswith("-")
        if not is_known and not ctx.resilient_parsing:  # which is so while a shell completes
            similar = nearest(name, self.list_commands(ctx))
            hint = f" Did you mean {similar!r}?" if similar else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)


class _Program(Group):
    """Finds a command by its name in its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the help."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(importlib.import_module(_MODULES[cmd_name]), cmd_name)
        return command


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "parallel-provider login",
        "parallel-provider status",
        "PARALLEL_ACCESS_TOKEN=$(parallel-provider token) pulumi up",
    )
    + "\n\nThe sign-in is shared with the official client, parallel-cli.",
)
@click.version_option(__version__, message="%(prog)s %(version)s")
def program() -> None:
    """Sign in to Parallel, and look at what Pulumi programs manage there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code. An error is one line, never a traceback."""
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A character that the terminal's encoding doesn't have must not end the program.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run(arguments)
    for stream in (sys.stdout, sys.stderr):
        _write_out(stream)
    return code


def _open_closed_streams() -> None:
    """Give /dev/null to streams that the caller has closed (`2>&-`).

    Otherwise the next file that is opened would take a stream's place. `sys.__stdout__` still tells
    which were closed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It stays open until the end, as a standard stream does.
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = program.main(arguments, prog_name="parallel-provider", standalone_mode=False)
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it, so no message could reach them.
        return FAILED
    except Exception as error:  # noqa: BLE001 (its text may hold anything, a token included)
        # If standard error can't be written either, only the exit code tells of the failure.
        with contextlib.suppress(OSError):
            click.echo(f"Error: {_error_text(error)}", err=True)
        return FAILED
    return code if isinstance(code, int) else 0


def _write_out(stream: TextIO) -> None:
    """Flush a stream, and drop what can't be written.

    Otherwise Python would try again when it ends, print its own error and exit with 120.
    """
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as devnull:
            os.dup2(devnull.fileno(), stream.fileno())


def _error_text(error: Exception) -> str:
    if isinstance(error, ParallelError):
        return line_for_user(str(error))
    # An OSError without a file name comes from a stream; the others are handled where they occur.
    if isinstance(error, OSError) and error.filename is None:
        return f"the output can't be written ({error.strerror or type(error).__name__})"
    return f"something unexpected went wrong ({type(error).__name__}): please report it"
