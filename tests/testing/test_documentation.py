"""The example in `docs/testing.md` runs as it stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.examples.test_documents import files


def test_example_of_the_testing_page_passes(tmp_path: Path) -> None:
    """The program and its test, written to files and run as a user would."""
    shown = files("docs/testing.md")
    assert set(shown) == {"infra/__main__.py", "test_infra.py"}
    for name, text in shown.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_infra.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in run.stdout, run.stdout + run.stderr
