"""A YAML program with the native plugin, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.plugin.yaml_project import RealProject, needs_yaml
from tests.scenarios.story import live_keys

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
"""


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> RealProject:
    """Return a project with an app and its keys."""
    project = RealProject(tmp_path, emulator)
    project.write_yaml(PROGRAM.format(overlap="1d", triggers=1))
    return project


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
