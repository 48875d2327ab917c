"""The examples in `docs/testing.md` run as they stand there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.embedded.shelf_project import install_plugin
from tests.examples.test_documents import files


def test_examples_of_the_testing_page_pass(tmp_path: Path) -> None:
    """The programs and their tests, written to files and run as a user would."""
    shown = files("docs/testing.md")
    programs = {"infra/__main__.py", "program/__main__.py"}
    assert set(shown) == {*programs, "test_infra.py", "test_program.py"}
    for name, text in shown.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    install_plugin(tmp_path / "bin")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"SHELF_FOLDER": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 passed" in run.stdout, run.stdout + run.stderr
