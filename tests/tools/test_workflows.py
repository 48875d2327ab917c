""".github: the workflows' structure, and their shell steps as far as they run here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

from tests.scripts import write_script
from tools.release.project import ROOT

WORKFLOWS = {file.stem: file for file in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
_BASH = shutil.which("bash")
_USES = re.compile(r"uses: (\S+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$", re.MULTILINE)

workflows = pytest.mark.parametrize("name", WORKFLOWS)


def jobs_of(name: str) -> dict[str, dict[str, Any]]:
    """Return the jobs of a workflow."""
    jobs: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOWS[name].read_text())["jobs"]
    return jobs


def scripts_of(name: str) -> list[str]:
    """Return the shell steps of a workflow."""
    steps = [step for job in jobs_of(name).values() for step in job.get("steps", ())]
    return [step["run"] for step in steps if "run" in step]


def test_actions_are_pinned_with_their_version() -> None:
    """A tag can be moved, a commit can't. One action has one commit in all workflows."""
    everywhere = set()
    for file in (*WORKFLOWS.values(), *(ROOT / "examples/pipelines/github").glob("*.yml")):
        text = file.read_text()
        pinned = _USES.findall(text)
        assert len(pinned) == len(re.findall(r"^\s+(?:- )?uses: (?!\./)", text, re.MULTILINE)), file
        everywhere |= set(pinned)
    assert len(everywhere) == len({action for action, _ in everywhere})


@workflows
def test_jobs_have_only_the_permissions_that_they_need(name: str) -> None:
    """The workflow has none, each job names its own, and no checkout keeps credentials."""
    assert yaml.safe_load(WORKFLOWS[name].read_text())["permissions"] == {}
    checkouts = [
        (job, step)
        for job in jobs_of(name).values()
        for step in job.get("steps", ())
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert checkouts
    for job, step in checkouts:
        assert step["with"]["persist-credentials"] is False
        assert job["permissions"] == {"contents": "read"}


def test_only_two_jobs_can_publish() -> None:
    """The job that uploads to PyPI runs none of our code, and waits for all checks."""
    jobs = jobs_of("release")
    writers = {
        name
        for name, job in jobs.items()
        if any(access == "write" for access in job["permissions"].values())
    }
    assert writers == {"pypi", "github"}
    assert set(jobs["pypi"]["needs"]) == {"check", "build"}
    assert not [step for step in jobs["pypi"]["steps"] if "run" in step]


@pytest.mark.skipif(_BASH is None, reason="GitHub runs the steps with bash")
@pytest.mark.parametrize(("tag", "prerelease"), [("v0.1.0", False), ("v0.2.0rc1", True)])
def test_release_step_attaches_what_was_built(tmp_path: Path, tag: str, prerelease: bool) -> None:
    """`gh` gets the tag, the changelog's section and each file of dist/."""
    [script] = [text for text in scripts_of("release") if "gh release create" in text]
    (tmp_path / "dist").mkdir()
    for name in ("a.whl", "b.tar.gz", "SHA256SUMS"):
        (tmp_path / "dist" / name).touch()
    gh = write_script(tmp_path / "bin" / "gh", "import sys\nprint(*sys.argv[1:], sep='\\n')\n")
    environment = {
        "PATH": f"{gh.parent}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_REF_NAME": tag,
    }
    done = subprocess.run(
        [str(_BASH), "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    arguments = done.stdout.splitlines()
    assert arguments[:4] == ["release", "create", tag, "--verify-tag"]
    assert arguments[-3:] == ["dist/SHA256SUMS", "dist/a.whl", "dist/b.tar.gz"]
    assert ("--prerelease" in arguments) == prerelease
    assert arguments[arguments.index("--notes-file") + 1] == "notes.md"
