"""A YAML program with the native plugin, on the real engine."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.scenarios.story import Console

pytestmark = pytest.mark.skipif(
    shutil.which("pulumi-language-yaml") is None or shutil.which("pulumi") is None,
    reason="needs pulumi and its YAML language host on PATH",
)

PROGRAM = """
name: shop
runtime: yaml
plugins:
  providers:
    - name: parallel
      path: {plugin}
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
DAY = 86_400


class YamlProject:
    """A YAML program and its stack."""

    def __init__(self, folder: Path, emulator: Emulator) -> None:
        self.folder = folder
        env = {
            **emulator.environment,
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        for name in ("state", "home"):
            (folder / name).mkdir()
        self.write()
        self.stack = automation.create_stack(
            "prod", work_dir=str(folder), opts=automation.LocalWorkspaceOptions(env_vars=env)
        )

    def write(self, *, overlap: str = "1d", triggers: int = 1) -> None:
        """Write the program."""
        plugin = Path(sys.executable).parent
        text = PROGRAM.format(plugin=plugin, overlap=overlap, triggers=triggers)
        (self.folder / "Pulumi.yaml").write_text(textwrap.dedent(text))


@pytest.fixture
def project(tmp_path: Path, emulator: Emulator) -> YamlProject:
    """Return a project with an app and its keys."""
    return YamlProject(tmp_path, emulator)


def live_keys(emulator: Emulator) -> set[str]:
    """Return the ids of the keys that work."""
    return {key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None}


def test_life_of_a_yaml_program(project: YamlProject, emulator: Emulator) -> None:
    """Created, unchanged, rotated, retired, drifted and destroyed; no raw key in plain text."""
    up = project.stack.up()
    assert changes(up) == {"create": 4}
    assert up.outputs["svc"].secret
    assert up.outputs["orgId"].value == emulator.org_id
    assert "previous" not in up.outputs or up.outputs["previous"].value is None
    [file] = (project.folder / "state" / ".pulumi" / "stacks").rglob("prod.json")
    state = file.read_text()
    assert "rawApiKey" in state
    assert emulator.leaks_in(state) == []
    assert set(changes(project.stack.preview())) == {"same"}

    project.write(triggers=2)
    rotated = project.stack.up()
    assert changes(rotated)["update"] == 1
    assert rotated.outputs["svc"].value != up.outputs["svc"].value
    assert rotated.outputs["ci"].value == up.outputs["ci"].value
    assert len(live_keys(emulator)) == 3

    project.write(overlap="0s", triggers=2)
    preview = project.stack.preview(diff=True)
    assert changes(preview) == {"same": 3, "update": 1}
    retired = project.stack.up()
    assert retired.outputs["svc"].value == rotated.outputs["svc"].value
    assert len(live_keys(emulator)) == 2

    [search] = [app for app in emulator.state()["apps"] if app["app_name"] == "app"]
    Console(emulator).delete_app(search["app_id"])
    assert changes(project.stack.refresh())["delete"] == 3
    project.stack.destroy()
    assert live_keys(emulator) == set()


def test_failed_check_is_one_line_at_its_resource(project: YamlProject) -> None:
    """It has the names that the program uses, and no traceback."""
    project.write(overlap="40d")

    with pytest.raises(automation.CommandError) as failure:
        project.stack.preview()

    text = str(failure.value)
    assert "overlap must be at most rotateAfter (30d)" in text
    assert "Traceback" not in text
