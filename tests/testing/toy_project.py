"""What the tests of the embedded stack hold in hand: a project whose resources are files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engines import Project

_IMPORTS = """
import pulumi
from pulumi import Alias, Output, ResourceOptions
from toy import Thing
"""


class Toy:
    """A project whose resources are files, and the folder that they are in (see `toy/toy.py`)."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self._folder = folder
        self._read = 0

    def program(self, source: str) -> None:
        """Write the program, which finds `Thing` and the usual names imported."""
        self.project.write(_IMPORTS + source)

    def journal(self) -> list[dict[str, Any]]:
        """Return the provider's calls since this was last asked."""
        path = self._folder / "journal.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        new, self._read = lines[self._read :], len(lines)
        return [json.loads(line) for line in new]

    def calls(self, *operations: str) -> list[str]:
        """Return the same calls in short, as "create a" or "delete a-1": all, or some kinds."""
        return [
            f"{call['op']} {call.get('id') or call['news']['label']}"
            for call in self.journal()
            if call["op"] != "configure" and (not operations or call["op"] in operations)
        ]

    def things(self) -> list[str]:
        """Return the ids of what exists."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def change(self, id_: str, **values: Any) -> None:  # noqa: ANN401 - JSON
        """Change, or make, a thing behind the program's back."""
        path = self._folder / f"{id_}.json"
        content = json.loads(path.read_text()) if path.exists() else {"label": id_}
        path.write_text(json.dumps(content | values))

    def remove(self, id_: str) -> None:
        """Delete a thing behind the program's back."""
        (self._folder / f"{id_}.json").unlink()

    def fail(self, call: str) -> None:
        """Let a call such as "create a" or "delete a-1" fail until further notice."""
        (self._folder / f"fail-{call.replace(' ', '-')}").touch()

    def crash(self, call: str) -> None:
        """Let the provider end without a word in a call."""
        (self._folder / f"crash-{call.replace(' ', '-')}").touch()

    def mend(self) -> None:
        """Let every call succeed again."""
        for path in [*self._folder.glob("fail-*"), *self._folder.glob("crash-*")]:
            path.unlink()
