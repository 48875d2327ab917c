"""After a scenario: tokens and raw keys are nowhere but in the state's secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, is_secret


def assert_no_leaks(project: Project, emulator: Emulator) -> None:
    """Search everything that a project's runs have left."""
    places = dict(_places(project, emulator))
    # If nothing is found, one search of all texts together is enough.
    if emulator.leaks_in("\n".join(places.values())):
        found = {place: emulator.leaks_in(text) for place, text in places.items()}
        raise AssertionError(
            f"secrets leaked: { {p: kinds for p, kinds in found.items() if kinds} }"
        )


def without_secrets(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a value of the state without its encrypted values."""
    if is_secret(value):
        return "[secret]"
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items()}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def _places(project: Project, emulator: Emulator) -> Iterator[tuple[str, str]]:
    yield "what was printed", "\n".join(project.said)
    yield "the state", json.dumps(without_secrets(project.resources()))
    yield "the server's log", json.dumps(emulator.state()["log"])
    for path in _files(project):
        yield str(path), path.read_bytes().decode(errors="replace")


def _files(project: Project) -> Iterator[Path]:
    """Return the files that the program, the provider and the engine have written."""
    for folder in (
        project.folder,
        *(project.folder.parent / name for name in ("backend", "home", "project")),
    ):
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
