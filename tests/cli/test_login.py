"""`parallel-provider login`."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Run
from tests.credentials.sign_ins import SignIn

USER_CODE = re.compile(r"\b[A-Z]{4}-[A-Z]{4}\b")


@pytest.fixture
def auto_approve(signed_out: SignIn) -> None:
    """Let the emulator approve every sign-in at once."""
    signed_out.emulator.set_settings(auto_approve=True)


@pytest.fixture
def login_and_decide(signed_out: SignIn) -> Callable[..., tuple[int, str]]:
    """Start `login`, decide when it shows its code, and return how it ended and what it said."""

    def login_and_decide(
        decide: Callable[[str], None], *options: str, pace: int = 1
    ) -> tuple[int, str]:
        signed_out.emulator.set_settings(poll_interval_seconds=pace)
        program = subprocess.Popen(
            [*PROGRAM, "login", *options],
            env=signed_out.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        assert program.stdout is not None
        told = ""
        while not (code := USER_CODE.search(told)):
            told += program.stdout.readline()
        decide(code.group())
        rest, _ = program.communicate(timeout=30)
        signed_out.assert_no_secret_in(told + rest)
        return program.returncode, told + rest

    return login_and_decide


LoginAndDecide = Callable[..., tuple[int, str]]


def test_approved_login_stores_the_sign_in(
    signed_out: SignIn, login_and_decide: LoginAndDecide
) -> None:
    """Link and code are shown. After the approval the sign-in is in the file, and no key exists."""
    emulator = signed_out.emulator
    code, told = login_and_decide(lambda code: emulator.decide_sign_in(code, "approve"))
    assert code == 0, told
    assert f"{emulator.url}/getServiceKeys/device" in told
    assert f"Signed in to Example Organization ({emulator.org_id})" in told
    assert "The sign-in ends 20" in told
    assert signed_out.document["selected_org_id"] == emulator.org_id
    assert signed_out.document["version"] == 1
    assert len(signed_out.tokens["access_token_scopes"]) == 8
    assert emulator.state()["keys"] == []
    assert signed_out.path.stat().st_mode & 0o77 == 0


def test_denied_login_stores_nothing(signed_out: SignIn, login_and_decide: LoginAndDecide) -> None:
    """To deny in the browser ends the command."""
    emulator = signed_out.emulator
    code, told = login_and_decide(lambda code: emulator.decide_sign_in(code, "deny"))
    assert code == 1
    assert "Error: the sign-in was denied in the browser: nothing was stored" in told
    assert not signed_out.path.exists()


def test_login_that_nobody_approves_ends_in_time(run: Run) -> None:
    """Without a person it doesn't wait for ever."""
    started = time.monotonic()
    result = run("login", "--timeout", "1.5")
    assert result.returncode == 1
    assert "wasn't approved within 1.5 seconds" in result.stderr
    # The server's pace is longer, and is no reason to give up before.
    assert time.monotonic() - started >= 1.5


def test_login_that_is_approved_within_its_timeout_succeeds(
    signed_out: SignIn, login_and_decide: LoginAndDecide
) -> None:
    """Also if the server asks for a longer interval."""
    emulator = signed_out.emulator
    code, told = login_and_decide(
        lambda code: emulator.decide_sign_in(code, "approve"), "--timeout", "2", pace=5
    )
    assert code == 0, told


@pytest.mark.usefixtures("auto_approve")
def test_login_to_an_organization_that_nobody_names_is_refused(
    run: Run, signed_out: SignIn
) -> None:
    """The server names the organization in each answer. Nothing is stored without its id."""
    answer = {**signed_out.obtain_tokens(), "org_id": None}
    signed_out.emulator.add_fault("status", path="/getServiceKeys/token", status=200, body=answer)
    result = run("login")
    assert result.returncode == 1
    assert "the server didn't say which organization the sign-in is for" in result.stderr
    assert not signed_out.path.exists()


@pytest.mark.usefixtures("auto_approve")
def test_login_that_cannot_be_stored_fails_before_anybody_signs_in(
    run: Run, signed_out: SignIn
) -> None:
    """A person who has approved it would have done so for nothing, and the sign-in would live."""
    result = run("login", PARALLEL_AUTH_FILE="/proc/parallel/auth.json")
    assert result.returncode == 1
    assert "the lock /proc/parallel/auth.json.lock can't be taken" in result.stderr
    assert "To sign in" not in result.stderr
    assert signed_out.refreshes == 0


def test_login_help_shows_the_command_of_the_pipelines_readme(run: Run) -> None:
    """Both tell the same way to give a pipeline its refresh token."""
    readme = (Path(__file__).parents[2] / "examples/pipelines/README.md").read_text()
    found = re.findall(
        r"^parallel-provider login --print-refresh-token.*\\\n.*gh .*$", readme, re.M
    )
    (command,) = (" ".join(text.replace("\\\n", " ").split()) for text in found)
    assert command in " ".join(run("login", "--help").stdout.replace("\\\n", " ").split())


@pytest.mark.usefixtures("auto_approve")
def test_login_keeps_other_organizations_and_unknown_fields(run: Run, signed_in: SignIn) -> None:
    """What other programs wrote to the file stays."""
    document = signed_in.document
    document["future"] = {"a": 1}
    document["orgs"]["org_other"] = {"api_key": "key", "control_api": {"refresh_token": "rt_x"}}
    own = document["orgs"][signed_in.emulator.org_id]
    own["api_key"] = "data-key"
    signed_in.document = document
    assert run("login").returncode == 0
    after = signed_in.document
    assert after["future"] == {"a": 1}
    assert after["orgs"]["org_other"] == document["orgs"]["org_other"]
    assert after["orgs"][signed_in.emulator.org_id]["api_key"] == "data-key"
    assert after["client_id"] == document["client_id"]
    assert signed_in.tokens["refresh_token"] != own["control_api"]["refresh_token"]


@pytest.mark.usefixtures("auto_approve")
def test_login_with_a_client_that_the_server_forgot_registers_again(
    run: Run, signed_in: SignIn
) -> None:
    """With an unknown client_id, the command gets a new one."""
    document = signed_in.document
    document["client_id"] = "client_forgotten"
    signed_in.document = document
    assert run("login").returncode == 0
    assert signed_in.document["client_id"] != "client_forgotten"


@pytest.mark.usefixtures("auto_approve")
def test_later_login_keeps_the_client_of_stored_sign_ins(run: Run, signed_out: SignIn) -> None:
    """A refresh token belongs to its client: another one in the file would end that sign-in."""
    emulator = signed_out.emulator
    emulator.add_fault("status", path="/getServiceKeys/register", status=503)
    assert run("login").returncode == 0
    signed_out.expire()
    other = emulator.add_org()["org_id"]
    emulator.set_settings(sign_in_user_id=emulator.state(other)["users"][0]["user_id"])
    assert run("login").returncode == 0
    assert signed_out.document["selected_org_id"] == other

    refreshed = run("balance", "--org", emulator.org_id)

    assert (refreshed.returncode, refreshed.stderr) == (0, "")


@pytest.mark.usefixtures("auto_approve")
def test_login_with_scopes_gets_these_only(run: Run, signed_out: SignIn) -> None:
    """A sign-in can be limited to what is needed."""
    assert run("login", "--scope", "apps:read", "--scope", "balance:read").returncode == 0
    assert set(signed_out.tokens["access_token_scopes"]) == {"apps:read", "balance:read"}


def test_login_under_a_token_in_the_environment_warns(run: Run) -> None:
    """A warning says that the sign-in won't be used, before anybody has approved it."""
    result = run("login", "--timeout", "1", PARALLEL_ACCESS_TOKEN="a.b.c")
    assert "Warning: PARALLEL_ACCESS_TOKEN is set" in result.stderr


@pytest.mark.usefixtures("auto_approve")
def test_printed_refresh_token_is_stored_nowhere(run: Run, signed_out: SignIn) -> None:
    """For a pipeline's secret store: the token is all there is on standard output."""
    result = run("login", "--print-refresh-token")
    assert result.returncode == 0
    assert len(result.stdout.split()) == 1
    assert not signed_out.path.exists()


@pytest.mark.parametrize("ci", ["true", "1", "woodpecker"])
def test_login_in_a_pipeline_fails_at_once(run: Run, signed_out: SignIn, ci: str) -> None:
    """Nobody can approve in a pipeline, so no code is requested, and the error names other ways."""
    result = run("login", CI=ci)
    assert result.returncode == 1
    assert "PARALLEL_REFRESH_TOKEN" in result.stderr
    assert "POST /getServiceKeys/device/code" not in signed_out.emulator.state()["requests"]


@pytest.mark.usefixtures("auto_approve")
@pytest.mark.parametrize(("ci", "options"), [("true", ["--wait"]), ("false", []), ("", [])])
def test_login_that_is_told_to_wait_works_in_a_pipeline(
    run: Run, ci: str, options: list[str]
) -> None:
    """A person who reads the log may approve it."""
    assert run("login", *options, CI=ci).returncode == 0


@pytest.mark.parametrize("content", ["", "{", '{"version": 2}', '{"refresh_token": "another\'s"}'])
def test_login_never_overwrites_a_file_it_cannot_read(
    run: Run, signed_out: SignIn, content: str
) -> None:
    """A damaged file, a newer version's or another program's is kept.

    It is named before anybody approves anything.
    """
    signed_out.path.parent.mkdir()
    signed_out.path.touch(0o600)
    signed_out.path.write_text(content)
    result = run("login", "--timeout", "1")
    assert result.returncode == 1
    assert str(signed_out.path) in result.stderr
    assert signed_out.path.read_text() == content
    assert "POST /getServiceKeys/device/code" not in signed_out.emulator.state()["requests"]
