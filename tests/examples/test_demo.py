"""`make demo`: it shows all steps, ends, and leaves no files, processes or secrets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from examples.demo.story import IN_YAML, STEPS
from parallel_provider.testing.emulator import Emulator
from tests.engines import Engine

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "examples.demo"]

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SECRET = re.compile(r"[\w-]{32,}", re.ASCII)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with its own folder for temporary files, and a mark for processes.

    It also has settings that a user may have (an organization, a backend, a proxy). The demo must
    ignore them.
    """
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return {
        **os.environ,
        "TMPDIR": str(scratch),
        "HOME": str(tmp_path / "home"),
        "DEMO_TEST": str(tmp_path),
        "PARALLEL_ORG_ID": "org_of_somebody",
        "PULUMI_BACKEND_URL": "https://pulumi.invalid",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }


def left_behind(environment: Mapping[str, str]) -> list[str]:
    """Return the files of a demo that are left, and on Linux the processes."""
    files = [str(path) for path in Path(environment["TMPDIR"]).rglob("*")]
    files += [environment["HOME"]] if Path(environment["HOME"]).exists() else []
    mark = f"DEMO_TEST={environment['DEMO_TEST']}".encode()
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes():
                processes.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it has just ended, or belongs to another user
    return files + processes


def secrets_in(text: str) -> list[str]:
    """Return what looks like a raw key or a token, but no ids."""
    return _SECRET.findall(_ID.sub("", text))


@pytest.mark.timeout(300)
def test_demo_tells_every_step_and_leaves_nothing(
    engine: Engine, environment: dict[str, str]
) -> None:
    """It succeeds, names its engine and each step, and prints no secret."""
    run = subprocess.run(
        [*DEMO, engine], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stderr == ""
    assert {"embedded": "on the embedded engine", "pulumi": "on Pulumi 3"}[engine] in run.stdout
    has_yaml = engine == "pulumi" and shutil.which("pulumi-language-yaml") is not None
    steps = [*STEPS, IN_YAML] if has_yaml else STEPS
    for number, step in enumerate(steps, start=1):
        assert f"{number}/{len(steps)} {step.title}" in run.stdout
    assert f"{39 if has_yaml else 31} API calls" in run.stdout
    assert run.stdout.count("[secret]") == (4 if has_yaml else 2)
    assert secrets_in(run.stdout) == []
    assert "\x1b" not in run.stdout
    assert left_behind(environment) == []


def test_what_looks_like_a_secret_is_one(emulator: Emulator) -> None:
    """The check above finds all raw keys and tokens of the emulator."""
    bearer = {"Authorization": f"Bearer {emulator.access_token}"}
    with httpx.Client(
        base_url=f"{emulator.url}/service/v1", headers=bearer, trust_env=False
    ) as api:
        app_id = api.post("/apps", json={"app_name": "a"}).json()["app_id"]
        key = api.post(f"/apps/{app_id}/keys", json={"api_key_name": "k"}).json()["raw_api_key"]
    assert secrets_in(f"in {app_id} there is {key}.") == [key]
    assert secrets_in(emulator.access_token)


def test_interrupted_demo_puts_everything_away(engine: Engine, environment: dict[str, str]) -> None:
    """Ctrl-C during a step ends it cleanly, with the usual exit code."""
    with subprocess.Popen(
        [*DEMO, engine], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        while "$ pulumi up" not in demo.stdout.readline():
            assert demo.poll() is None
        demo.send_signal(signal.SIGINT)
        said = demo.stdout.read()
    assert demo.returncode == 130
    assert "Stopped. Nothing is left" in said
    assert left_behind(environment) == []


@pytest.mark.parametrize(
    ("wanted", "path", "says"),
    [
        ("terraform", None, "demo: ENGINE is embedded or pulumi, not 'terraform'\n"),
        ("pulumi", "", "demo: pulumi isn't on PATH: see https://www.pulumi.com/docs/install/"),
    ],
)
def test_engine_that_there_is_not_is_told_in_one_line(
    wanted: str, path: str | None, says: str, environment: dict[str, str]
) -> None:
    """With a wrong or missing engine, the demo doesn't start."""
    if path is not None:
        environment["PATH"] = path
    run = subprocess.run(
        [*DEMO, wanted], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith(says)
    assert run.stderr.count("\n") == 1
