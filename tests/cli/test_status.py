"""`parallel-provider status`."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, run_alone
from tests.credentials.sign_ins import SignIn
from tests.scripts import python


def test_status_shows_organization_permissions_and_ends(run: Run, signed_in: SignIn) -> None:
    """All facts about the sign-in are shown, without a request."""
    [user] = signed_in.emulator.state()["users"]
    before = signed_in.emulator.state()["requests"]
    result = run("status", PARALLEL_PLATFORM_URL="http://127.0.0.1:1")
    assert result.returncode == 0
    assert f"Example Organization ({signed_in.emulator.org_id})" in result.stdout
    assert "keys:read keys:create" in result.stdout
    assert str(signed_in.path) in result.stdout
    assert f"Person            {user['user_id']}" in result.stdout
    assert result.stderr == ""
    assert signed_in.emulator.state()["requests"] == before


def test_status_as_json_is_for_programs(run: Run, signed_in: SignIn) -> None:
    """The same as JSON, with times as epoch seconds and without any token."""
    other = signed_in.sign_in(signed_in.emulator.add_org(org_name="Other")["org_id"])
    found = json.loads(run("status", "--json").stdout)
    assert found["org_id"] == other
    assert found["auth_file"] == str(signed_in.path)
    assert [org["org_name"] for org in found["orgs"]] == ["Example Organization", "Other"]
    assert found["orgs"][1]["ends_at"] == signed_in.tokens["refresh_token_expires_at"]
    assert found["warning"] is None


@pytest.mark.parametrize("first", ["refresh_token", "authorization"])
def test_status_shows_the_end_that_comes_first(run: Run, signed_in: SignIn, first: str) -> None:
    """A sign-in has one end. A refresh needs both parts, and renews the access token."""
    document = signed_in.document
    tokens = document["orgs"][document["selected_org_id"]]["control_api"]
    tokens[f"{first}_expires_at"] = int(time.time()) + 5 * 86_400 + 60
    signed_in.document = document

    shown = run("status").stdout

    [line] = [line for line in shown.splitlines() if "ends" in line]
    assert line.startswith("Sign-in ")
    assert line.endswith("(in 5 days)")
    found = json.loads(run("status", "--json").stdout)
    assert found["ends_at"] == tokens[f"{first}_expires_at"]


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


def status_of_token(run: Run, signed_in: SignIn, kind: str, token: str) -> tuple[str, Any]:
    """Return what `status` shows of a token in the environment, for people and for programs."""
    signed_in.secrets.add(token)
    value = token if kind == "ACCESS_TOKEN" else python("-c", f"print('{token}')")
    shown = run("status", **{f"PARALLEL_{kind}": value})
    assert shown.returncode == 0, shown.stderr
    return shown.stdout, json.loads(run("status", "--json", **{f"PARALLEL_{kind}": value}).stdout)


@pytest.mark.parametrize("kind", ["ACCESS_TOKEN", "TOKEN_COMMAND"])
def test_status_shows_whose_a_given_token_is(run: Run, signed_in: SignIn, kind: str) -> None:
    """Its person and its end are in the token; its organization is asked of the API."""
    org = signed_in.emulator.add_org(org_name="Other")
    token = signed_in.emulator.mint_token(org_id=org["org_id"], lifetime_seconds=3600 + 90)
    state = signed_in.emulator.state(org["org_id"])

    shown, found = status_of_token(run, signed_in, kind, token)

    assert f"Person            {state['users'][0]['user_id']}" in shown
    assert f"Organization      Other ({org['org_id']})" in shown
    assert "Access token      ends 20" in shown
    assert "(in 1 hour)" in shown
    assert f"PARALLEL_{kind}" in found["source"]
    assert (found["person"], found["org_id"], found["auth_file"], found["orgs"]) == (
        state["users"][0]["user_id"],
        org["org_id"],
        None,
        [],
    )
    assert abs(found["ends_at"] - time.time() - 3690) < 60


@pytest.mark.usefixtures("signed_in")
def test_status_of_a_token_that_the_api_refuses_fails(run: Run) -> None:
    """The facts are shown, and the error names the place of the token."""
    result = run("status", PARALLEL_ACCESS_TOKEN="a.b.c")
    assert result.returncode == 1
    assert "Organization      not known" in result.stdout
    assert "the access token from PARALLEL_ACCESS_TOKEN isn't valid" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("claims", "person"),
    [
        ({"sub": "user_1", "email": "ann@example.com"}, "ann@example.com"),
        ({"sub": "user_1", "client_id": "client_1"}, "user_1"),
        ({"sub": "client_1", "client_id": "client_1"}, None),
        ({}, None),
    ],
)
def test_person_is_named_as_people_know_it(
    run: Run, claims: dict[str, str], person: str | None
) -> None:
    """A token whose subject is a program has no person."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    found = run("status", "--json", PARALLEL_ACCESS_TOKEN=f"e30.{payload}.c")
    assert json.loads(found.stdout)["person"] == person


def test_status_of_a_token_that_has_ended_shows_when(run: Run) -> None:
    """The fact, the JSON and the error say the same."""
    payload = base64.urlsafe_b64encode(b'{"sub": "user_1", "exp": 1700000000}').decode().rstrip("=")
    token = f"e30.{payload}.c"
    shown = run("status", PARALLEL_ACCESS_TOKEN=token)
    assert shown.returncode == 1
    assert "Access token      ended 2023-11-14 22:13 UTC\n" in shown.stdout
    assert "has ended (2023-11-14 22:13 UTC)" in shown.stderr
    found = json.loads(run("status", "--json", PARALLEL_ACCESS_TOKEN=token).stdout)
    assert (found["person"], found["ends_at"]) == ("user_1", 1700000000)


def test_status_of_a_command_that_fails_later_is_json_too(run: Run, tmp_path: Path) -> None:
    """The API refuses the first token, and the command gives no other one."""
    (tmp_path / "token").write_text("a.b.c")
    command = f"sh -c 'cat {tmp_path}/token && rm {tmp_path}/token'"
    result = run("status", "--json", PARALLEL_TOKEN_COMMAND=command)
    assert result.returncode == 1
    assert "failed (exit code 1)" in json.loads(result.stdout)["ended"]


def test_status_of_a_token_of_another_organization_fails(run: Run, signed_out: SignIn) -> None:
    """`--org` guards here as everywhere."""
    token = signed_out.emulator.access_token
    result = run("status", "--org", "org_other", PARALLEL_ACCESS_TOKEN=token)
    assert result.returncode == 1
    assert "--org allows 'org_other' only" in result.stderr


@pytest.mark.parametrize("scope", ["apps:read", "balance:read"])
def test_one_scope_is_enough_to_learn_the_organization(
    run: Run, signed_out: SignIn, scope: str
) -> None:
    """The list of apps tells it, and so does the balance."""
    token = signed_out.emulator.mint_token(scopes=[scope])
    found = json.loads(run("status", "--json", PARALLEL_ACCESS_TOKEN=token).stdout)
    assert (found["org_id"], found["warning"]) == (signed_out.emulator.org_id, None)


def test_status_without_the_api_shows_what_the_token_says(run: Run, signed_out: SignIn) -> None:
    """It fails, as whose token it is was the question, and it isn't known whether it works."""
    token = signed_out.emulator.mint_token(scopes=["keys:create"])
    reason = "the organization isn't known (GET /service/v1/balance answered 403"
    result = run("status", PARALLEL_ACCESS_TOKEN=token)
    assert result.returncode == 1
    assert "Organization      not known" in result.stdout
    assert f"Error: {reason}" in result.stderr
    result = run("status", "--json", "--org", "org_other", PARALLEL_ACCESS_TOKEN=token)
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert (found["org_id"], found["ended"]) == (None, None)
    assert found["warning"].startswith(reason)


def test_status_of_a_pipeline_leaves_its_refresh_token_unused(run: Run, signed_out: SignIn) -> None:
    """A refresh token can be used once, and not for a look."""
    refresh_token = signed_out.obtain_tokens()["refresh_token"]
    before = signed_out.refreshes
    result = run(
        "status",
        PARALLEL_REFRESH_TOKEN=refresh_token,
        PARALLEL_REFRESH_TOKEN_SAVE_COMMAND="false",
    )
    assert result.returncode == 0, result.stderr
    assert "PARALLEL_REFRESH_TOKEN" in result.stdout
    assert signed_out.refreshes == before


def test_status_without_times_says_that_they_are_not_known(run: Run, signed_in: SignIn) -> None:
    """The server needn't tell them."""
    document = signed_in.document
    tokens = document["orgs"][document["selected_org_id"]]["control_api"]
    for part in ("access_token", "refresh_token", "authorization"):
        tokens[f"{part}_expires_at"] = None
    signed_in.document = document
    result = run("status")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("end not known") == 1
    assert result.stderr == ""
    (org,) = json.loads(run("status", "--json").stdout)["orgs"]
    assert org["ends_at"] is None
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
