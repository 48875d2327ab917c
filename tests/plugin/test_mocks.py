"""Tests of programs with Pulumi's own mocks, in TypeScript and Go: those of the examples."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.plugin.language_project import NEEDS, LanguageProject

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def needs(language: str) -> pytest.MarkDecorator:
    """Skip a test where the tools of a language aren't there."""
    programs = ("pulumi", *NEEDS[language])
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(programs)} on PATH")


@needs("typescript")
def test_mocks_of_the_example_in_typescript(tmp_path: Path, emulator: Emulator) -> None:
    """Nothing is asked of the emulator."""
    project = LanguageProject(tmp_path, emulator, "typescript")
    project.run("npx", "tsc")
    project.run("node", "--test")
    assert emulator.state()["requests"] == {}


@needs("go")
def test_mocks_of_the_example_in_go(tmp_path: Path, emulator: Emulator) -> None:
    """Nothing is asked of the emulator."""
    project = LanguageProject(tmp_path, emulator, "go")
    project.run("go", "test")
    assert emulator.state()["requests"] == {}
