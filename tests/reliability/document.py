"""Writes the matrix as a document, and reads it back. The texts are the same in every run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.reliability.faults import Fault
from tests.reliability.matrix import OPERATIONS, Operation, all_cells
from tests.reliability.outcome import Outcome

_ALL_ODD = "all odd values"
Key = tuple[str, str, str]
Row = tuple[str, str, str, str]

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
_VARIABLE = re.compile(r"REASON|IDEMPOTENCY_KEY|ORG_ID|HOST|TIME|\bID\b")
_TEMPLATE = Path(__file__).with_name("template.md")
_HEAD = (
    "| in one answer | in every answer | the user sees | at the server | in the state "
    "| after one more run |\n| --- | --- | --- | --- | --- | --- |"
)


def render(outcomes: Mapping[Key, Outcome]) -> str:
    """Write the document."""
    text = _TEMPLATE.read_text()
    parts = {
        "{cells}": str(len(outcomes)),
        "{endless}": _count_of(outcomes, "drip", "endless", "gzip_bomb"),
        "{odd}": _count_of(outcomes, "odd"),
        "{faults}": _reasons(outcomes),
        "{tables}": "\n\n".join(_section(operation, outcomes) for operation in OPERATIONS),
    }
    for placeholder, part in parts.items():
        text = text.replace(placeholder, part)
    return text


def parse(document: str) -> dict[Key, Row]:
    """Read the tables of a document: the texts of each cell's outcome."""
    rows: dict[Key, Row] = {}
    title = ""
    for line in document.splitlines():
        if line.startswith("### "):
            title = line.removeprefix("### ")
        elif title and line.startswith("| ") and not line.startswith(("| in one", "| ---")):
            once, always, *words = (part.strip() for part in line.strip("|").split(" | "))
            user, server, state, afterwards = words
            for often, faults in (("once", once), ("always", always)):
                for fault in _fault_names(faults, title):
                    assert (title, fault, often) not in rows, "a cell is in two rows"
                    rows[title, fault, often] = (user, server, state, afterwards)
    return rows


def row_of(outcome: Outcome) -> Row:
    """Return the texts of an outcome as they are in the document."""
    user, server, state, afterwards = map(
        _as_cell, (outcome.user, outcome.server, outcome.state, outcome.afterwards)
    )
    return user, server, state, afterwards


def text_pattern(operation: str, fault: str, often: str) -> str:
    """Return a pattern of what the document says that a user sees if a run fails."""
    user, *_ = parse(DOCUMENT.read_text())[operation, fault, often]
    return ".*".join(map(re.escape, _VARIABLE.split(user.removeprefix("fails: "))))


def _count_of(outcomes: Mapping[Key, Outcome], *kinds: str) -> str:
    return str(sum(cell.fault.kind in kinds and cell.key in outcomes for cell in all_cells()))


def _section(operation: Operation, outcomes: Mapping[Key, Outcome]) -> str:
    faults_of: dict[Row, dict[str, list[str]]] = {}
    for cell in all_cells():
        if cell.operation is operation:
            lists = faults_of.setdefault(row_of(outcomes[cell.key]), {"once": [], "always": []})
            lists[cell.often].append(cell.fault.name)
    lines = [
        f"| {_fault_list(faults['once'], operation)} | {_fault_list(faults['always'], operation)} "
        f"| {' | '.join(row)} |"
        for row, faults in faults_of.items()
    ]
    request = f"The faults are in the answer to `{operation.method} {operation.route}`."
    return "\n".join([f"### {operation.title}\n\n{request}\n", _HEAD, *lines])


def _fault_list(names: list[str], operation: Operation) -> str:
    """Write "500 before", "dropped before", "500 after" as "before: 500, dropped; after: 500"."""
    odd = _odd_names(operation)
    if odd and set(odd) <= set(names):
        names = [*(name for name in names if name not in odd), f"{_ALL_ODD} after"]
    parts = []
    for when in ("before", "after"):
        titles = [n.removesuffix(f" {when}") for n in names if n.endswith(f" {when}")]
        if titles:
            parts.append(f"{when}: {', '.join(titles)}")
    return "; ".join(parts) or "none"


def _fault_names(text: str, operation_title: str) -> Iterator[str]:
    for part in text.split("; "):
        when, colon, titles = part.partition(": ")
        for title in titles.split(", ") if colon else ():
            if title == _ALL_ODD:
                [operation] = [found for found in OPERATIONS if found.title == operation_title]
                yield from _odd_names(operation)
            else:
                yield f"{title} {when}"


def _odd_names(operation: Operation) -> list[str]:
    return [fault.name for fault in operation.faults if fault.kind == "odd"]


def _reasons(outcomes: Mapping[Key, Outcome]) -> str:
    """Write the client's message for each fault: from the creation of an app, or else the first."""
    lines = ["| fault | REASON |", "| --- | --- |"]
    for name, (fault, title) in _first_operations().items():
        reason = _as_cell(outcomes[title, name, "always"].reason)
        nothing = (
            "none: the client waits for it"
            if fault.kind == "delay"
            else "none: the value is accepted"
        )
        lines.append(f"| {name} | {reason or nothing} |")
    return "\n".join(lines)


def _first_operations() -> dict[str, tuple[Fault, str]]:
    first: dict[str, tuple[Fault, str]] = {}
    for operation in sorted(OPERATIONS, key=lambda operation: operation.title != "Create an app"):
        for fault in operation.faults:
            first.setdefault(fault.name, (fault, operation.title))
    return first


def _as_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
