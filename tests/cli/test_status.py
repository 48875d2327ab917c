"""`parallel-provider status`."""

from __future__ import annotations

import json
import time

import pytest

from tests.cli.conftest import Run, run_alone
from tests.credentials.sign_ins import SignIn


def test_status_shows_organization_permissions_and_ends(run: Run, signed_in: SignIn) -> None:
    """All facts about the sign-in are shown, without a request."""
    before = signed_in.emulator.state()["requests"]
    result = run("status", PARALLEL_PLATFORM_URL="http://127.0.0.1:1")
    assert result.returncode == 0
    assert f"Example Organization ({signed_in.emulator.org_id})" in result.stdout
    assert "keys:read keys:create" in result.stdout
    assert str(signed_in.path) in result.stdout
    assert "(in 89 days)" in result.stdout
    assert result.stderr == ""
    assert signed_in.emulator.state()["requests"] == before


def test_status_as_json_is_for_programs(run: Run, signed_in: SignIn) -> None:
    """The same as JSON, with times as epoch seconds and without any token."""
    other = signed_in.sign_in(signed_in.emulator.add_org(org_name="Other")["org_id"])
    found = json.loads(run("status", "--json").stdout)
    assert found["org_id"] == other
    assert found["auth_file"] == str(signed_in.path)
    assert [org["org_name"] for org in found["orgs"]] == ["Example Organization", "Other"]
    assert (
        found["orgs"][1]["authorization_expires_at"]
        == (signed_in.tokens["authorization_expires_at"])
    )
    assert found["warning"] is None


def test_status_warns_of_an_end_that_is_near(run: Run, signed_in: SignIn) -> None:
    """A person who looks is told with the time left."""
    document = signed_in.document
    tokens = document["orgs"][document["selected_org_id"]]["control_api"]
    tokens["authorization_expires_at"] = int(time.time()) + 5 * 3600 + 60
    signed_in.document = document
    result = run("status")
    assert result.returncode == 0
    assert "Warning: the Parallel sign-in ends in 5 hours (its authorization" in result.stderr
    assert "ends in 5 hours" in json.loads(run("status", "--json").stdout)["warning"]


@pytest.mark.usefixtures("signed_in")
def test_status_names_a_source_in_the_environment(run: Run) -> None:
    """A token in the environment counts before the sign-in, and the status says so."""
    result = run("status", "--json", PARALLEL_ACCESS_TOKEN="a.b.c")
    found = json.loads(result.stdout)
    assert found["source"] == "PARALLEL_ACCESS_TOKEN"
    assert found["org_id"] is None
    assert found["access_token_expires_at"] is None


def test_status_shows_when_a_given_token_ends(run: Run, signed_out: SignIn) -> None:
    """The token holds its own end."""
    token = signed_out.emulator.mint_token(lifetime_seconds=3600 + 90)
    result = run("status", PARALLEL_ACCESS_TOKEN=token)
    assert result.returncode == 0
    assert "(in 1 hour)" in result.stdout
    found = json.loads(run("status", "--json", PARALLEL_ACCESS_TOKEN=token).stdout)
    assert abs(found["access_token_expires_at"] - time.time() - 3690) < 60


def test_status_without_times_says_that_they_are_not_known(run: Run, signed_in: SignIn) -> None:
    """The server needn't tell them."""
    document = signed_in.document
    tokens = document["orgs"][document["selected_org_id"]]["control_api"]
    for part in ("access_token", "refresh_token", "authorization"):
        tokens[f"{part}_expires_at"] = None
    signed_in.document = document
    result = run("status")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("end not known") == 3
    assert result.stderr == ""
    (org,) = json.loads(run("status", "--json").stdout)["orgs"]
    assert org["authorization_expires_at"] is None
    assert run("token").stdout == f"{tokens['access_token']}\n"


def test_status_of_a_sign_in_that_has_ended_fails(run: Run, signed_in: SignIn) -> None:
    """The facts are shown, and the exit code says that the sign-in can't be used."""
    document = signed_in.document
    tokens = document["orgs"][document["selected_org_id"]]["control_api"]
    tokens["authorization_expires_at"] = int(time.time()) - 60
    signed_in.document = document
    alive = run("status")
    assert alive.returncode == 0
    assert "Warning: the Parallel sign-in has ended" in alive.stderr
    signed_in.expire()
    over = run("status")
    assert over.returncode == 1
    assert "Example Organization" in over.stdout
    assert over.stderr.startswith("Error: the Parallel sign-in has ended (its authorization")
    assert over.stderr.count("\n") == 1


def test_status_warns_of_a_file_that_is_open_to_others(signed_in: SignIn) -> None:
    """A warning says that others can read the sign-in, and how to change that."""
    signed_in.path.chmod(0o644)
    result = run_alone(signed_in, "status")
    assert "open to other users: run chmod 600" in result.stderr
