"""Programs and tests in the documents run unchanged."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator
from tests.embedded.shelf_project import install_plugin

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(document: str, kind: str) -> list[str]:
    """Return a document's code blocks of one language."""
    text = (ROOT / document).read_text()
    return [block["text"] for block in _BLOCK.finditer(text) if block["kind"] == kind]


def files(document: str) -> dict[str, str]:
    """Return the code blocks that a document marks as files, by name."""
    text = (ROOT / document).read_text()
    pieces = text.split("<!-- run by the tests: ")[1:]
    found = {piece.partition(" -->")[0]: _BLOCK.search(piece) for piece in pieces}
    return {name: block["text"] for name, block in found.items() if block}


@pytest.mark.parametrize("document", ["docs/emulator.md", "docs/testing.md"])
def test_tests_of_a_page_pass(tmp_path: Path, pytestconfig: pytest.Config, document: str) -> None:
    """Its programs and their tests are written to files and run as a user would run them."""
    shown = files(document)
    assert {"docs/emulator.md": 2, "docs/testing.md": 4}[document] == len(shown)
    for name, text in shown.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    install_plugin(tmp_path / "bin")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    if not pytestconfig.getoption("new_processes"):
        command += ["-p", "tests.forked"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "SHELF_FOLDER": str(tmp_path)}
    run = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


def test_program_and_test_of_the_readme_pass(tmp_path: Path) -> None:
    """The first program, and the test that docs/testing.md shows for it."""
    program = next(text for text in blocks("README.md", "python") if "pulumi.export" in text)
    test = next(text for text in blocks("docs/testing.md", "python") if "Emulator()" in text)
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__main__.py").write_text(program)

    command = [sys.executable, "-c", test]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_faults_of_the_emulators_page_are_accepted(emulator: Emulator) -> None:
    """All of them are still to come."""
    examples = [text for text in blocks("docs/emulator.md", "python") if '"odd"' in text]
    exec(textwrap.dedent("\n".join(examples)), {"emulator": emulator})  # noqa: S102 - our own document
    kinds = [fault["kind"] for fault in emulator.state()["faults"]]
    assert kinds == ["odd", "odd", "drip", "odd", "odd", "status"]


def test_users_of_the_emulators_page_can_be_chosen(emulator: Emulator) -> None:
    """The example adds a member and approves a sign-in as this member."""
    [example] = [text for text in blocks("docs/emulator.md", "python") if "add_user(" in text]
    url, form = f"{emulator.url}/getServiceKeys/device/code", {"client_id": "parallel-cli"}
    user_code = httpx.post(url, data=form, trust_env=False).json()["user_code"]
    names = {"emulator": emulator, "user_code": user_code}
    exec(textwrap.dedent(example), names)  # noqa: S102 - our own document
    state = emulator.state()
    assert [user["role"] for user in state["users"]] == ["administrator", "member"]
    assert [sign_in["decision"] for sign_in in state["sign_ins"]] == ["approve"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="the example is for curl")
def test_control_by_curl_does_what_the_emulators_page_says(emulator: Emulator) -> None:
    """The commands run one after the other, and the state shows their effect."""
    [example] = [text for text in blocks("docs/emulator.md", "sh") if "curl" in text]
    environment = {**os.environ, **emulator.environment, "NO_PROXY": "127.0.0.1"}
    script = ["sh", "-e", "-c", example]
    run = subprocess.run(script, env=environment, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    state = emulator.state()
    assert state["clock"]["offset_seconds"] == -31 * 86_400
    assert state["org"]["credit_balance_cents"] == 1_500
    assert [fault["kind"] for fault in state["faults"]] == ["status"]
