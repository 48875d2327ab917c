"""Partial failures and cancelled runs of a YAML program, on the real engine."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.embedded.test_processes import wait_for
from tests.engines import changes
from tests.plugin.yaml_project import RealProject, needs_yaml

pytestmark = needs_yaml

KEYS = "/service/v1/apps/{app_id}/keys"


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> RealProject:
    """Return an empty project."""
    return RealProject(tmp_path, emulator)


def stored_resources(project: RealProject) -> list[tuple[str, list[str]]]:
    """Return the type of each resource in the state, and the errors that the state has of it."""
    deployment = project.stack.export_stack().deployment or {}
    return [(each["type"], each.get("initErrors", [])) for each in deployment["resources"]]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_ends_a_wait_and_keeps_what_exists(project: RealProject, emulator: Emulator) -> None:
    """The server asks to wait for 29 seconds, six times: the run ends long before."""
    project.write_yaml("""
        resources:
          app: {type: "parallel:App"}
          key: {type: "parallel:ApiKey", properties: {appId: "${app.appId}"}}
        """)
    _ = project.stack
    emulator.add_fault(
        "status", method="POST", path=KEYS, status=503, headers={"Retry-After": "29"}, times=9
    )
    run = project.start("up", "--yes", "--skip-preview")
    wait_for(lambda: emulator.state()["requests"].get(f"POST {KEYS}", 0) == 1)

    run.send_signal(signal.SIGINT)

    text, _ = run.communicate(timeout=60)
    assert run.returncode != 0
    assert "503" in text
    assert emulator.state()["requests"][f"POST {KEYS}"] == 1
    types = [kind for kind, _ in stored_resources(project) if kind.startswith("parallel:")]
    assert types == ["parallel:index:App"]
    emulator.clear_faults()
    assert changes(project.stack.up())["create"] == 1
