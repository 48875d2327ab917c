"""`parallel-provider logout`."""

from __future__ import annotations

import subprocess

import httpx

from tests.cli.conftest import PROGRAM, Run
from tests.credentials.sign_ins import SignIn


def test_logout_revokes_and_removes_the_sign_in(run: Run, signed_in: SignIn) -> None:
    """After it, neither the file nor the server knows the sign-in; a data key stays."""
    document = signed_in.document
    org_id = document["selected_org_id"]
    document["orgs"][org_id]["api_key"] = "data-key"
    signed_in.document = document
    old = signed_in.tokens
    assert run("logout").returncode == 0
    assert signed_in.document["orgs"][org_id]["api_key"] == "data-key"
    assert "control_api" not in signed_in.document["orgs"][org_id]
    form = {"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}
    answer = httpx.post(
        f"{signed_in.emulator.url}/getServiceKeys/token", data=form, trust_env=False
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_logout_of_one_organization_keeps_the_others(run: Run, signed_in: SignIn) -> None:
    """`--org` chooses; without it the selected one goes."""
    first = signed_in.emulator.org_id
    other = signed_in.sign_in(signed_in.emulator.add_org()["org_id"])
    result = run("logout", "--org", first)
    assert result.returncode == 0, result.stderr
    assert set(signed_in.document["orgs"]) == {other}
    assert run("balance").returncode == 0


def test_only_sign_in_that_is_left_is_selected(run: Run, signed_in: SignIn) -> None:
    """Nobody has to name it in a variable."""
    first = signed_in.emulator.org_id
    other = signed_in.sign_in(signed_in.emulator.add_org()["org_id"])
    result = run("logout", "--org", other)
    assert f"{first}, the only one left, is selected now." in result.stderr
    assert run("balance").returncode == 0


def test_logout_while_the_server_is_away_removes_nothing(run: Run, signed_in: SignIn) -> None:
    """A sign-in that couldn't be revoked stays, so that it can be revoked later."""
    before = signed_in.document
    result = run("logout", PARALLEL_PLATFORM_URL="http://127.0.0.1:1")
    assert result.returncode == 1
    assert "--local" in result.stderr
    assert signed_in.document == before


def test_logout_that_the_server_refuses_says_what_to_do(run: Run, signed_in: SignIn) -> None:
    """The sign-in stays, and can be forgotten here."""
    before = signed_in.document
    refusal = {"error": "invalid_request"}
    signed_in.emulator.add_fault(
        "status", path="/getServiceKeys/token/revoke", status=400, body=refusal
    )
    result = run("logout")
    assert result.returncode == 1
    assert "`parallel-provider logout --local`" in result.stderr
    assert signed_in.document == before


def test_logout_that_cannot_be_stored_revokes_nothing(run: Run, signed_in: SignIn) -> None:
    """A full disk leaves a sign-in that works, and not one that only looks as if it did."""
    result = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -f 0; exec "$0" {" ".join(PROGRAM[1:])} logout', PROGRAM[0]],
        env=signed_in.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 1
    assert "the sign-in can't be stored" in result.stderr
    signed_in.expire()
    assert run("token").returncode == 0


def test_local_logout_asks_no_server(run: Run, signed_in: SignIn) -> None:
    """Offline, the sign-in can at least be forgotten here."""
    result = run("logout", "--local", PARALLEL_PLATFORM_URL="http://127.0.0.1:1")
    assert result.returncode == 0
    assert signed_in.document["orgs"] == {}
