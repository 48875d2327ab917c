"""Commands that stand in for those that no test may call: in a folder for PATH, with a record."""

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
    """One call of a command: what it was given, and what it read."""

    command: str
    arguments: list[str]
    environment: dict[str, str]
    input: str


class StandIns:
    """A folder of commands; `add` one before it is called, and see in `calls` how it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._record = folder / "record"
        folder.mkdir(parents=True)

    def add(self, name: str, code: str = "", *, reads_input: bool = True) -> None:
        """Make a command of Python code; `entry["input"]` is its standard input, if it reads it."""
        record = _RECORD.format(name=name, reads_input=reads_input, record=str(self._record))
        script = self.folder / f"{name}.py"
        script.write_text(record + code)
        command = self.folder / name
        # Isolated: what a job sets for its own Python is none of the stand-in's business.
        start = shlex.join([sys.executable, "-I", str(script)])
        command.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        command.chmod(0o700)

    @property
    def calls(self) -> list[Call]:
        """Every call so far, in order."""
        if not self._record.exists():
            return []
        return [Call(**json.loads(line)) for line in self._record.read_text().splitlines()]
