"""Explicit providers and renewed settings of a YAML program, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.plugin.yaml_project import RealProject, needs_yaml
from tests.scenarios.story import live_keys

pytestmark = needs_yaml

TWO = """
config:
  first: {{type: string, secret: true}}
  second: {{type: string, secret: true}}
resources:
  one:
    type: pulumi:providers:parallel
    properties: {{accessToken: "${{first}}", orgId: {first}}}
  two:
    type: pulumi:providers:parallel
    properties: {{accessToken: "${{second}}", orgId: {second}}}
  appOfOne:
    type: parallel:App
    properties: {{appName: search}}
    options: {{provider: "${{one}}"}}
  appOfTwo:
    type: parallel:App
    properties: {{appName: search}}
    options: {{provider: "${{two}}"}}
  keyOfOne:
    type: parallel:ApiKey
    properties: {{appId: "${{appOfOne.appId}}"}}
    options: {{provider: "${{one}}"}}
  keyOfTwo:
    type: parallel:RotatingApiKey
    properties: {{appId: "${{appOfTwo.appId}}", rotateAfter: 30d}}
    options: {{provider: "${{two}}"}}
variables:
  balance:
    fn::invoke:
      function: parallel:getBalance
      arguments: {{}}
      options: {{provider: "${{two}}"}}
outputs:
  one: ${{appOfOne.orgId}}
  two: ${{appOfTwo.orgId}}
  balance: ${{balance.orgId}}
"""


def names_of_apps(emulator: Emulator, org_id: str) -> set[str]:
    """Return the names of an organization's apps, without the one that each has."""
    return {app["app_name"] for app in emulator.state(org_id)["apps"]} - {"parallel-cli Users"}


def test_one_program_manages_two_organizations(tmp_path: Path, emulator: Emulator) -> None:
    """Each explicit provider has its own token and guard; tokens are encrypted in the state."""
    other = emulator.add_org(org_name="Other")
    project = RealProject(tmp_path, emulator)
    project.write_yaml(TWO.format(first=emulator.org_id, second=other["org_id"]))
    tokens = {"first": emulator.access_token, "second": other["access_token"]}
    for name, token in tokens.items():
        project.stack.set_config(name, automation.ConfigValue(token, secret=True))

    up = project.stack.up()

    assert up.outputs["one"].value == emulator.org_id
    assert up.outputs["two"].value == up.outputs["balance"].value == other["org_id"]
    assert set(changes(project.stack.preview())) == {"same"}
    for org_id in (emulator.org_id, other["org_id"]):
        assert names_of_apps(emulator, org_id) == {"search"}
    stored = project.stored_state()
    assert not [token for token in tokens.values() if token in stored]
    assert emulator.leaks_in(stored) == []
    assert "same" in changes(project.stack.refresh())

    project.stack.destroy()
    for org_id in (emulator.org_id, other["org_id"]):
        assert names_of_apps(emulator, org_id) == set()


def test_tokens_of_two_organizations_that_were_mixed_up_change_nothing(
    tmp_path: Path, emulator: Emulator
) -> None:
    """Each guard refuses the other's token."""
    other = emulator.add_org(org_name="Other")
    project = RealProject(tmp_path, emulator)
    project.write_yaml(TWO.format(first=emulator.org_id, second=other["org_id"]))
    mixed = {"second": emulator.access_token, "first": other["access_token"]}
    for name, token in mixed.items():
        project.stack.set_config(name, automation.ConfigValue(token, secret=True))

    with pytest.raises(automation.CommandError, match=r"allows '\w+' only"):
        project.stack.up()

    for org_id in (emulator.org_id, other["org_id"]):
        assert names_of_apps(emulator, org_id) == set()


def test_renewed_token_of_the_configuration_is_seen_by_a_refresh(
    tmp_path: Path, emulator: Emulator
) -> None:
    """The state has the one of the last `up`, which has ended meanwhile."""
    project = RealProject(tmp_path, emulator)
    project.write_yaml("""
        resources:
          search:
            type: parallel:App
        """)
    old = emulator.mint_token(lifetime_seconds=600)
    project.stack.set_config("parallel:accessToken", automation.ConfigValue(old, secret=True))
    project.stack.up()
    emulator.set_clock(3600)
    with pytest.raises(automation.CommandError, match="accessToken"):
        project.stack.refresh()

    new = emulator.mint_token(lifetime_seconds=600)
    project.stack.set_config("parallel:accessToken", automation.ConfigValue(new, secret=True))

    assert set(changes(project.stack.refresh())) == {"same"}
    assert not [token for token in (old, new) if token in project.stored_state()]
    project.stack.destroy()
    assert names_of_apps(emulator, emulator.org_id) == set()
    assert live_keys(emulator) == []


MOVED = """
resources:
  mine:
    type: pulumi:providers:parallel
    properties: {{orgId: {org_id}}}
  search:
    type: parallel:App
    options: {{provider: "${{mine}}", customTimeouts: {{create: 5m}}}}
"""


def test_preview_warns_of_a_provider_that_moves_to_another_organization(
    tmp_path: Path, emulator: Emulator
) -> None:
    """Nothing moves, and a refresh would fail. Custom timeouts are warned about too."""
    project = RealProject(tmp_path, emulator)
    project.write_yaml(MOVED.format(org_id=emulator.org_id))
    up = project.stack.up()
    assert "customTimeouts have no effect here" in up.stdout

    project.write_yaml(MOVED.format(org_id="org_other"))
    preview = project.stack.preview()

    assert changes(preview) == {"same": 2, "update": 1}
    assert f"orgId changes from '{emulator.org_id}' to 'org_other'" in preview.stdout
    assert "customTimeouts" not in preview.stdout
