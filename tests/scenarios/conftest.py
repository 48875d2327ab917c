"""Fixtures of the scenarios: `project` runs each scenario on both engines, with the emulator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, engine
from tests.engines import project as bare_project
from tests.leaks import assert_no_leaks

__all__ = ["bare_project", "engine", "project"]


@pytest.fixture
def project(
    bare_project: Project,
    emulator: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Project]:
    """Give an empty project whose programs and providers call only the emulator.

    After each scenario, check that no secret has leaked.
    """
    for name in [name for name in os.environ if name.startswith("PARALLEL_")]:
        monkeypatch.delenv(name)
    # A test must not find the sign-in of a real user.
    bare_project.env["PARALLEL_AUTH_FILE"] = str(tmp_path / "auth.json")
    bare_project.env |= emulator.environment
    yield bare_project
    assert_no_leaks(bare_project, emulator)
