"""A project with the native plugin of the package `shelf`, for tests of the engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engines import Project
from tests.scripts import write_script

_SOURCES = Path(__file__).parent / "shelf"
PLUGIN = _SOURCES / "plugin.py"
_IMPORTS = """
import pulumi
from pulumi import InvokeOptions, ResourceOptions
from shelf import Provider, Thing, count
"""


def install_plugin(folder: Path) -> Path:
    """Write the plugin's executable, and return it."""
    source = f"import runpy\n\nrunpy.run_path({str(PLUGIN)!r}, run_name='__main__')\n"
    return write_script(folder / "pulumi-resource-shelf", source)


class Shelf:
    """A project with the plugin `shelf`, and the folder of its files (see `shelf/plugin.py`)."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder / "shelf"
        self.folder.mkdir()
        self._read = 0
        project.write((_SOURCES / "shelf.py").read_text(), "shelf.py")
        project.env["SHELF_FOLDER"] = str(self.folder)
        project.plugins["shelf"] = install_plugin(folder / "bin")

    def program(self, source: str) -> None:
        """Write the program, after the usual imports."""
        self.project.write(_IMPORTS + source)

    def journal(self, *operations: str) -> list[dict[str, Any]]:
        """Return these calls of the plugin since the last call of this method."""
        path = self.folder / "journal.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        new, self._read = lines[self._read :], len(lines)
        calls = [json.loads(line) for line in new]
        return [call for call in calls if not operations or call["op"] in operations]

    def things(self) -> list[str]:
        """Return the ids of what exists."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def put(self, id_: str, **inputs: Any) -> None:  # noqa: ANN401 - JSON
        """Create a thing without Pulumi."""
        (self.folder / f"{id_}.json").write_text(json.dumps(inputs))
