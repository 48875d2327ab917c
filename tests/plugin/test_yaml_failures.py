"""Partial failures and cancelled runs of a YAML program, on the real engine."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.embedded.test_processes import wait_for
from tests.engines import changes
from tests.plugin.test_init_errors import save_to, working
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


def test_key_that_is_left_is_in_the_state_until_a_run_delivers_it(
    project: RealProject, emulator: Emulator, tmp_path: Path
) -> None:
    """The engine keeps it with its error, and a later run changes nothing else."""
    store = tmp_path / "secrets" / "key"
    app_id = emulator.state()["apps"][0]["app_id"]
    project.write_yaml(f"""
        resources:
          ci:
            type: parallel:ApiKey
            properties: {{appId: "{app_id}", deliverCommand: {json.dumps(save_to(store))}}}
        """)
    emulator.add_fault("status", method="DELETE", status=403)

    with pytest.raises(automation.CommandError) as failure:
        project.stack.up()

    text = str(failure.value)
    assert "couldn't be delivered" in text
    assert emulator.leaks_in(text) == []
    [_, (_, [error])] = [each for each in stored_resources(project) if "providers" not in each[0]]
    assert error.startswith("creating ApiKey 'ci': the key 'ci' (")
    [key_id] = working(emulator)
    assert emulator.leaks_in(project.stored_state()) == []
    store.parent.mkdir()

    up = project.stack.up()

    assert changes(up) == {"same": 1, "update": 1}
    assert len(store.read_text()) > 0
    assert working(emulator) == [key_id]
    assert changes(project.stack.preview()) == {"same": 2}


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
