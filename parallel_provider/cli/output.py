"""How the commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parallel_provider.printable import printable

# Without a terminal there is no width to fit, and long lines are better than cut text.
_UNBOUNDED_WIDTH = 10_000


def require_standard_output(result: str) -> None:
    """Fail before any work whose only result would be lost, because standard output is closed."""
    if sys.__stdout__ is None:
        raise click.ClickException(f"standard output is closed, so {result} can't be printed")


def print_json(value: object) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(value, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a result for people. Control characters in it are removed."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    _print(table)


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair on each line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts:
        table.add_row(name, Text(printable(value)))
    _print(table)


def say(message: str) -> None:
    """Print a message that isn't the result."""
    click.echo(message, err=True)


def warn(message: str) -> None:
    """Print a warning."""
    click.echo(f"Warning: {message}", err=True)


@contextlib.contextmanager
def waiting(message: str) -> Iterator[None]:
    """Show a message while the block runs: with a spinner on a terminal, else as one line."""
    if _has_styles(sys.stderr):
        with Console(stderr=True).status(Text(message)):
            yield
    else:
        say(message)
        yield


def _has_styles(stream: TextIO) -> bool:
    """Say whether escape sequences may be written (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    return stream.isatty() and not plain


def _print(table: Table) -> None:
    console = Console(
        highlight=False,
        color_system="auto" if _has_styles(sys.stdout) else None,
        width=None if sys.stdout.isatty() else _UNBOUNDED_WIDTH,
    )
    with console.capture() as capture:
        console.print(table)
    # The table fills its last column with spaces, which would end up in a pipe.
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
