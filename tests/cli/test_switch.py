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


@pytest.mark.parametrize("org_id", ["org_none", ""])
def test_switch_to_an_organization_without_a_sign_in_changes_nothing(
    run: Run, signed_in: SignIn, org_id: str
) -> None:
    """The error names those that are signed in. A script's empty variable is no organization."""
    before = signed_in.document
    result = run("switch", org_id)
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


def test_switch_warns_of_what_counts_before_the_selection(run: Run, signed_in: SignIn) -> None:
    """Otherwise the next command would work in another organization than the one selected."""
    first = signed_in.emulator.org_id
    signed_in.sign_in(signed_in.emulator.add_org()["org_id"])
    token = signed_in.tokens["access_token"]
    result = run("switch", first, PARALLEL_ORG_ID="org_1", PARALLEL_ACCESS_TOKEN=token)
    assert result.returncode == 0
    assert result.stderr.splitlines()[1:] == [
        "Warning: PARALLEL_ACCESS_TOKEN is set and counts before this selection.",
        "Warning: PARALLEL_ORG_ID is set and counts before this selection.",
    ]
    assert run("switch", first, PARALLEL_ORG_ID=first).stderr == f"Selected {first}.\n"
