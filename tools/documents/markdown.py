"""Tables in Markdown, and the parts of a document that are written by `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence


class UnknownPartError(Exception):
    """A document has a part that nothing writes, or lacks one that is written."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. A "|" in a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(language: str, text: str) -> str:
    """Return a block of code."""
    return f"```{language}\n{text.strip()}\n```"


def details(title: str, text: str, *, is_open: bool = False) -> str:
    """Return a text that GitHub shows when its title is clicked; at once, if it is open."""
    opened = "<details open>" if is_open else "<details>"
    return f"{opened}\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def with_parts(document: str, parts: Mapping[str, str]) -> str:
    """Return a document with its parts written anew.

    A part stands between `<!-- NAME: written by make docs -->` and `<!-- end of NAME -->`.
    """
    found = set()

    def write(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in parts:
            raise UnknownPartError(f"nothing writes the part {name!r}")
        found.add(name)
        return f"{match['begin']}\n\n{parts[name]}\n\n{match['end']}"

    written = re.sub(
        r"(?P<begin><!-- (?P<name>[\w ]+): written by make docs -->)\n.*?"
        r"(?P<end><!-- end of (?P=name) -->)",
        write,
        document,
        flags=re.DOTALL,
    )
    missing = parts.keys() - found
    if missing:
        raise UnknownPartError(f"the document has no part {sorted(missing)}")
    return written


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
