"""`parallel-provider switch`, and `--org` of the other commands."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Run
from tests.credentials.sign_ins import SignIn


def test_switch_selects_an_organization_for_all_commands(run: Run, signed_in: SignIn) -> None:
    """Nothing else in the file changes."""
    first = signed_in.emulator.org_id
    other = signed_in.sign_in(signed_in.emulator.add_org()["org_id"])
    before = signed_in.document

    result = run("switch", first)

    assert (result.returncode, result.stderr) == (0, f"Selected {first}.\n")
    assert before["selected_org_id"] == other
    assert signed_in.document == {**before, "selected_org_id": first}
    assert json.loads(run("balance", "--json").stdout)["org_id"] == first


def test_switch_to_an_organization_without_a_sign_in_changes_nothing(
    run: Run, signed_in: SignIn
) -> None:
    """The error names those that are signed in."""
    before = signed_in.document
    result = run("switch", "org_none")
    assert result.returncode == 1
    assert f"signed in: {signed_in.emulator.org_id}" in result.stderr
    assert signed_in.document == before


@pytest.mark.parametrize("command", ["balance", "apps", "status"])
def test_org_chooses_for_one_command(run: Run, signed_in: SignIn, command: str) -> None:
    """The selection stays."""
    first = signed_in.emulator.org_id
    other = signed_in.sign_in(signed_in.emulator.add_org()["org_id"])
    assert first in run(command, "--org", first, "--json").stdout
    stored = signed_in.document["orgs"][first]["control_api"]
    assert run("token", "--org", first).stdout.strip() == stored["access_token"]
    assert signed_in.document["selected_org_id"] == other


def test_org_is_a_guard(run: Run, signed_in: SignIn) -> None:
    """A token of another organization shows nothing."""
    token = signed_in.tokens["access_token"]
    refused = run("balance", "--org", "org_other", PARALLEL_ACCESS_TOKEN=token)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--org" in refused.stderr
