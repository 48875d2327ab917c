"""Fixtures. Each test runs on the embedded stack and on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embedded.shelf_project import Shelf
from tests.embedded.toy_project import Toy
from tests.engines import Project, engine, project
from tests.forked import forked

__all__ = ["engine", "forked", "project", "shelf", "toy"]

_TOY = Path(__file__).parent / "toy"


@pytest.fixture
def toy(project: Project, tmp_path: Path) -> Toy:
    """Return a project whose toy provider has no things yet."""
    folder = tmp_path / "cloud"
    folder.mkdir()
    project.copy(_TOY)
    project.env["TOY_CLOUD"] = str(folder)
    return Toy(project, folder)


@pytest.fixture
def shelf(project: Project, tmp_path: Path) -> Shelf:
    """Return a project whose plugin `shelf` has no things yet."""
    return Shelf(project, tmp_path)
