"""A YAML program with the native plugin, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.plugin.yaml_project import RealProject, needs_yaml
from tests.scenarios.story import Console, live_keys

pytestmark = needs_yaml

PROGRAM = """
resources:
  app:
    type: parallel:App
  ci:
    type: parallel:ApiKey
    properties: {{appId: "${{app.appId}}"}}
  svc:
    type: parallel:RotatingApiKey
    properties:
      appId: ${{app.appId}}
      rotateAfter: 30d
      overlap: {overlap}
      triggers: {triggers}
variables:
  balance:
    fn::invoke: {{function: "parallel:getBalance", arguments: {{}}}}
outputs:
  ci: ${{ci.rawApiKey}}
  svc: ${{svc.rawApiKey}}
  previous: ${{svc.previousApiKeyId}}
  orgId: ${{balance.orgId}}
"""


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> RealProject:
    """Return a project with an app and its keys."""
    project = RealProject(tmp_path, emulator)
    project.write_yaml(PROGRAM.format(overlap="1d", triggers=1))
    return project


def test_life_of_a_yaml_program(project: RealProject, emulator: Emulator) -> None:
    """Created, unchanged, rotated, retired, drifted and destroyed; no raw key in plain text."""
    up = project.stack.up()
    assert changes(up) == {"create": 4}
    assert up.outputs["svc"].secret
    assert up.outputs["orgId"].value == emulator.org_id
    assert "previous" not in up.outputs or up.outputs["previous"].value is None
    assert "rawApiKey" in project.stored_state()
    assert emulator.leaks_in(project.stored_state()) == []
    assert set(changes(project.stack.preview())) == {"same"}

    project.write_yaml(PROGRAM.format(overlap="1d", triggers=2))
    rotated = project.stack.up()
    assert changes(rotated)["update"] == 1
    assert rotated.outputs["svc"].value != up.outputs["svc"].value
    assert rotated.outputs["ci"].value == up.outputs["ci"].value
    assert len(live_keys(emulator)) == 3

    project.write_yaml(PROGRAM.format(overlap="0s", triggers=2))
    assert changes(project.stack.preview()) == {"same": 3, "update": 1}
    retired = project.stack.up()
    assert retired.outputs["svc"].value == rotated.outputs["svc"].value
    assert len(live_keys(emulator)) == 2

    [search] = [app for app in emulator.state()["apps"] if app["app_name"] == "app"]
    Console(emulator).delete_app(search["app_id"])
    assert changes(project.stack.refresh())["delete"] == 3
    project.stack.destroy()
    assert live_keys(emulator) == []


def test_present_configuration_counts_in_a_refresh_and_a_destroy(
    project: RealProject, emulator: Emulator
) -> None:
    """A guard that was set after the last `up` protects what is there."""
    project.stack.up()
    project.stack.set_config("parallel:orgId", automation.ConfigValue("org_meant"))

    for operation in (project.stack.refresh, project.stack.destroy):
        with pytest.raises(automation.CommandError, match="allows 'org_meant' only"):
            operation()

    assert len(live_keys(emulator)) == 2


def test_failed_check_is_one_line_at_its_resource(project: RealProject) -> None:
    """It has the names that the program uses, and no traceback."""
    project.write_yaml(PROGRAM.format(overlap="40d", triggers=1))

    with pytest.raises(automation.CommandError) as failure:
        project.stack.preview()

    text = str(failure.value)
    assert "overlap must be at most rotateAfter (30d)" in text
    assert "Traceback" not in text
