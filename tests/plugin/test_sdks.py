"""The schema through Pulumi's own tools, and the SDKs that they generate from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parallel_provider.plugin.schema import SCHEMA_FILE
from tests.native.providers import plugin_executable

needs_pulumi = pytest.mark.skipif(
    shutil.which("pulumi") is None, reason="needs pulumi on PATH, and nothing of it was tried"
)
pytestmark = needs_pulumi

EXECUTABLE = plugin_executable()


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where one of these programs isn't on PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(programs)} on PATH")


def run(folder: Path, *command: str) -> str:
    """Run a command in a folder, with Pulumi's own files there too; return what it prints."""
    environment = {
        **os.environ,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def generated_sdk(folder: Path, language: str) -> Path:
    """Return the folder of a new SDK."""
    command = ["pulumi", "package", "gen-sdk", str(EXECUTABLE), "--language", language]
    run(folder, *command, "--out", str(folder / "sdk"))
    return folder / "sdk" / language


def test_schema_that_pulumi_reads_is_the_checked_in_one(tmp_path: Path) -> None:
    """Nothing is lost or added on the way."""
    text = run(tmp_path, "pulumi", "package", "get-schema", str(EXECUTABLE))
    assert json.loads(text) == json.loads(SCHEMA_FILE.read_text())


@needs("pulumi-language-python")
def test_python_sdk_is_a_package_of_its_own_name(tmp_path: Path) -> None:
    """It compiles, and can be installed beside `parallel_provider`."""
    sdk = generated_sdk(tmp_path, "python")
    assert [path.name for path in sdk.iterdir() if path.is_dir()] == ["pulumi_parallel"]
    run(tmp_path, sys.executable, "-m", "compileall", "-q", str(sdk))


@needs("pulumi-language-nodejs")
def test_node_sdk_claims_no_scope_of_others(tmp_path: Path) -> None:
    """A package `@pulumi/…` would be somebody else's. `test_languages` compiles it."""
    sdk = generated_sdk(tmp_path, "nodejs")
    package = json.loads((sdk / "package.json").read_text())
    assert package["name"] == "pulumi-parallel"
    assert package["pulumi"] == {"resource": True, "name": "parallel"}


@needs("pulumi-language-go")
def test_go_sdk_claims_no_repository_of_others(tmp_path: Path) -> None:
    """Its imports of itself begin with a name that belongs to nobody."""
    sdk = generated_sdk(tmp_path, "go")
    texts = "".join(path.read_text() for path in sdk.rglob("*.go"))
    assert '"example.com/pulumi-parallel/sdk/go/parallel/internal"' in texts
    assert "github.com/pulumi/pulumi-parallel" not in texts
    if shutil.which("gofmt") is not None:
        assert run(tmp_path, "gofmt", "-l", "-e", str(sdk)) == ""
