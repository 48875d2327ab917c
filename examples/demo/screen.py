"""Prints the demo: with colours and a spinner in a terminal, as plain text in a pipe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

_WIDEST = 100
_INDENT = 2
# The picture of the README shows the steps before this one, in so many columns.
_FIRST_STEP_BEYOND_PICTURE = 4
_PICTURE_WIDTH = 84
# Viewers of pictures load no fonts from elsewhere.
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)

_CHANGE_STYLES = {"+": "green", "-": "red", "~": "yellow", "+-": "magenta"}
_METHOD_STYLES = {"GET": "cyan", "POST": "green", "DELETE": "red"}

Call = tuple[str, str]


class Screen:
    """Prints the demo from top to bottom. Printed text is never changed.

    With `picture`, the first steps are also written to this file, as an SVG picture.
    """

    def __init__(self, picture: Path | None = None) -> None:
        self._picture = picture
        self._console = (
            Console(highlight=False)
            if picture is None
            else Console(
                highlight=False, record=True, force_terminal=True, color_system="truecolor"
            )
        )
        self._console.width = _PICTURE_WIDTH if picture else min(self._console.width, _WIDEST)

    def opening(self, engine: str, note: str) -> None:
        """Say what this is and which engine runs it."""
        text = Group(
            Text(
                "This runs the program examples/quickstart against an emulator of the Parallel "
                "Account API on this machine. No account is needed and none is touched."
            ),
            Text(),
            Text(note, style="dim"),
        )
        title = Text.assemble(("parallel-provider", "bold"), f" on {engine}")
        self._console.print(Panel(text, title=title, padding=(1, 2), border_style="cyan"))
        self._console.print()

    def step(self, number: int, total: int, title: str, says: str) -> None:
        """Begin a step."""
        if self._picture is not None and number == 1:
            self._console.export_text()  # clears what the picture doesn't need
        if self._picture is not None and number == _FIRST_STEP_BEYOND_PICTURE:
            svg = self._console.export_svg(title="make demo", clear=False, unique_id="demo")
            self._picture.write_text(_FONT_FACE.sub("", svg))
        heading = Text.assemble((f"{number}/{total} ", "dim"), (title, "bold"))
        self._console.print(Rule(heading, align="left", style="cyan"))
        self._print(Text(says))
        self._console.print()

    def command(self, line: str) -> None:
        """Show what a person would type."""
        self._print(Text.assemble(("$ ", "dim"), (line, "bold cyan")))

    def busy(self, what: str) -> AbstractContextManager[object]:
        """Show a spinner while something runs, if the output is a terminal."""
        if self._picture is not None or not self._console.is_terminal:
            return nullcontext()
        return self._console.status(Text(f"{what} …", style="dim"))

    def change(self, mark: str, kind: str, name: str, done: str) -> None:
        """Show what was done to one resource."""
        text = Text(f"{mark:<2} {kind:<14} {name:<8} {done}", style=_CHANGE_STYLES[mark])
        self._print(text, indent=2 * _INDENT)

    def summary(self, messages: Sequence[str], counts: Sequence[str], seconds: float) -> None:
        """Show the result of a run: its messages, and the number of resources for each change."""
        for message in messages:
            self._print(Text(f"note: {message}", style="italic"), indent=2 * _INDENT)
        text = Text.assemble((", ".join(counts), "bold"), (f" in {seconds:.1f} s", "dim"))
        self._print(text, indent=2 * _INDENT, below=1)

    def api(self, calls: Sequence[tuple[Call, int]], keys: Sequence[str]) -> None:
        """Show the API calls, and the keys that work now."""
        asked = Table.grid(padding=(0, 1))
        for (method, path), times in calls:
            repeated = f" ({times}x)" if times > 1 else ""
            asked.add_row(Text(method, style=_METHOD_STYLES.get(method, "")), path + repeated)
        total = sum(times for _, times in calls)
        self._facts(
            {
                f"{total} API call{'s' * (total != 1)}": asked if calls else Text("none"),
                "Keys that work": Text(", ".join(keys) or "none"),
            }
        )

    def outputs(self, outputs: Mapping[str, object]) -> None:
        """Show what the program exports."""
        table = Table.grid(padding=(0, 2))
        for name, value in sorted(outputs.items()):
            table.add_row(name, Text(str(value), style="dim" if value == "[secret]" else ""))
        self._facts({"Outputs": table})

    def closing(self, calls: int, seconds: float) -> None:
        """Say that the demo has ended, and what to read next."""
        text = Group(
            Text(f"{calls} API calls in {seconds:.0f} s. No processes or files are left."),
            Text(),
            Text("The program:  examples/quickstart/__main__.py"),
            Text("Next:         README.md, from the first program to production"),
        )
        self._console.print(Panel(text, title="Done", padding=(1, 2), border_style="green"))

    def stopped(self) -> None:
        """Say that it was interrupted."""
        self._console.print("\nStopped. Nothing is left: no processes and no files.")

    def failure(self, text: str) -> None:
        """Show the error that ends the demo."""
        Console(stderr=True, highlight=False).print(Text(f"demo: {text}"), soft_wrap=True)

    def _facts(self, facts: Mapping[str, RenderableType]) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True, min_width=14)
        for name, value in facts.items():
            table.add_row(name, value)
        self._print(table, indent=2 * _INDENT, below=1)

    def _print(self, what: RenderableType, *, indent: int = _INDENT, below: int = 0) -> None:
        self._console.print(Padding(what, (0, 0, below, indent), expand=False))
