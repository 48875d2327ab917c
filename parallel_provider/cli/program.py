"""The program: its commands and its exit codes."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from parallel_provider.cli.lazy_group import LazyCommand, LazyGroup
from parallel_provider.errors import ParallelError
from parallel_provider.printable import line_for_user
from parallel_provider.version import __version__

FAILED = 1
INTERRUPTED = 130

_COMMANDS = {
    "login": LazyCommand("parallel_provider.cli.login:login", "Sign in with a browser."),
    "logout": LazyCommand("parallel_provider.cli.logout:logout", "Sign out, at the server too."),
    "status": LazyCommand("parallel_provider.cli.status:status", "Show who is signed in."),
    "token": LazyCommand("parallel_provider.cli.token:token", "Print a fresh access token."),
    "balance": LazyCommand("parallel_provider.cli.balance:balance", "Show the prepaid balance."),
    "apps": LazyCommand("parallel_provider.cli.apps:apps", "List the organization's apps."),
    "charges": LazyCommand(
        "parallel_provider.cli.charges:charges",
        "List charges to the card, and settle unclear ones.",
    ),
    "plugin": LazyCommand(
        "parallel_provider.cli.plugin:plugin", "Install the plugin for all Pulumi languages."
    ),
    "emulator": LazyCommand(
        "parallel_provider.emulator.__main__:emulator", "Run a local Account API for tests."
    ),
}
_EXAMPLES = """
\b
Examples:
  parallel-provider login
  parallel-provider status
  PARALLEL_ACCESS_TOKEN=$(parallel-provider token) pulumi up

The sign-in is shared with the official client, parallel-cli.
"""


@click.group(
    cls=LazyGroup,
    commands_by_name=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXAMPLES,
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
