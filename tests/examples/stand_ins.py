"""Fake commands for programs that tests must not call: in a folder for PATH, with a record."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

_RECORD = """
import json, os, sys
entry = {{"command": {name!r}, "arguments": sys.argv[1:], "environment": dict(os.environ)}}
entry["input"] = sys.stdin.read() if {reads_input} else ""
with open({record!r}, "a") as file:
    file.write(json.dumps(entry) + "\\n")
"""


@dataclass(frozen=True)
class Call:
    """One call of a command: its arguments, and its standard input."""

    command: str
    arguments: list[str]
    environment: dict[str, str]
    input: str


class StandIns:
    """A folder of fake commands. `add` creates a command, and `calls` has the record of calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder / "record"
        folder.mkdir(parents=True)

    def add(self, name: str, code: str = "", *, reads_input: bool = True) -> None:
        """Create a command from Python code. `entry["input"]` is its standard input, if read."""
        record = _RECORD.format(name=name, reads_input=reads_input, record=str(self._record))
        script = self.folder / f"{name}.py"
        script.write_text(record + code)
        command = self.folder / name
        # Isolated: the job's Python settings must not affect the fake command.
        start = shlex.join([sys.executable, "-I", str(script)])
        command.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        command.chmod(0o700)

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in order."""
        if not self._record.exists():
            return []
        return [Call(**json.loads(line)) for line in self._record.read_text().splitlines()]
