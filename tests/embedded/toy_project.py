"""A project whose resources are files, for tests of the engines."""

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
    """A project with the toy provider, and the folder of its files (see `toy/toy.py`)."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self._folder = folder
        self._read = 0

    def program(self, source: str) -> None:
        """Write the program, after the usual imports and that of `Thing`."""
        self.project.write(_IMPORTS + source)

    def journal(self) -> list[dict[str, Any]]:
        """Return the provider's calls since the last call of this method."""
        path = self._folder / "journal.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        new, self._read = lines[self._read :], len(lines)
        return [json.loads(line) for line in new]

    def calls(self, *operations: str) -> list[str]:
        """Return the same calls as text such as "create a" or "delete a-1"."""
        return [
            f"{call['op']} {call.get('id') or call['news']['label']}"
            for call in self.journal()
            if call["op"] != "configure" and (not operations or call["op"] in operations)
        ]

    def things(self) -> list[str]:
        """Return the ids of what exists."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def change(self, id_: str, **values: Any) -> None:  # noqa: ANN401 - JSON
        """Change or create a thing outside of Pulumi."""
        path = self._folder / f"{id_}.json"
        content = json.loads(path.read_text()) if path.exists() else {"label": id_}
        path.write_text(json.dumps(content | values))

    def remove(self, id_: str) -> None:
        """Delete a thing outside of Pulumi."""
        (self._folder / f"{id_}.json").unlink()

    def fail(self, call: str) -> None:
        """Make a call such as "create a" or "delete a-1" fail until `mend`."""
        (self._folder / f"fail-{call.replace(' ', '-')}").touch()

    def crash(self, call: str) -> None:
        """Make the provider process exit in a call."""
        (self._folder / f"crash-{call.replace(' ', '-')}").touch()

    def mend(self) -> None:
        """Make every call succeed again."""
        for path in [*self._folder.glob("fail-*"), *self._folder.glob("crash-*")]:
            path.unlink()
