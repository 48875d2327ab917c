"""How the commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from parallel_provider.printable import printable

# More than any line has: long lines are better than cut text.
_UNBOUNDED_WIDTH = 10_000


def require_standard_output(result: str) -> None:
    """Fail before any work whose only result would be lost, because standard output is closed."""
    if sys.__stdout__ is None:
        raise click.ClickException(f"standard output is closed, so {result} can't be printed")


def print_json(value: object) -> None:
    """Print a result for programs."""
    click.echo(json.dumps(value, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a result for people. Control characters in it are removed.

    What a person may have to copy is never broken over lines. Where the terminal isn't wide enough
    for a table, each value has a line of its own.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    if table_fits(headings, cells):
        _print(_table(headings, cells))
        return
    names = [heading.capitalize() for heading in headings]
    _print(Text("\n\n").join(_lines(list(zip(names, row, strict=True))) for row in cells))


def table_fits(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the terminal is wide enough for a table."""
    console = _console()
    table = _table(headings, rows)
    return Measurement.get(console, console.options, table).maximum <= _width()


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair on each line, however long it is."""
    _print(_lines([(name, printable(value)) for name, value in facts]))


def _lines(facts: Sequence[tuple[str, str]]) -> Text:
    width = max((len(name) for name, _ in facts), default=0)
    lines = [Text.assemble((name.ljust(width), "bold"), " ", value) for name, value in facts]
    return Text("\n").join(lines)


def say(message: str) -> None:
    """Print a message that isn't the result. If it can't be written, the command goes on."""
    with contextlib.suppress(OSError):
        click.echo(message, err=True)


def warn(message: str) -> None:
    """Print a warning."""
    say(f"Warning: {message}")


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


def _width() -> int:
    """Return the columns of the terminal. Without one there is no width to fit."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _UNBOUNDED_WIDTH


def _console() -> Console:
    return Console(
        highlight=False,
        color_system="auto" if _has_styles(sys.stdout) else None,
        width=_UNBOUNDED_WIDTH,
        height=1,  # without it, rich takes 80 columns for a terminal that is dumb
    )


def _print(result: Table | Text) -> None:
    console = _console()
    with console.capture() as capture:
        console.print(result)
    # The table fills its last column with spaces, which would end up in a pipe.
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))
