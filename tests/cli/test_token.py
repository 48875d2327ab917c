"""`parallel-provider token`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.cli.conftest import Run
from tests.credentials.sign_ins import SignIn
from tests.scripts import python


def test_token_is_all_that_is_printed(run: Run, signed_in: SignIn) -> None:
    """A shell can take it as it is."""
    result = run("token")
    assert result.stdout == signed_in.tokens["access_token"] + "\n"
    assert result.stderr == ""


def test_token_as_its_own_token_command_uses_the_sign_in(run: Run, signed_in: SignIn) -> None:
    """The command as the token command doesn't call itself without end."""
    command = python("-m", "parallel_provider.cli", "token")
    result = run("token", PARALLEL_TOKEN_COMMAND=command)
    assert result.stdout == signed_in.tokens["access_token"] + "\n"


def test_token_command_can_talk_to_the_user(run: Run, signed_in: SignIn) -> None:
    """What the command says on standard error is shown, and the token in it is not."""
    token = signed_in.tokens["access_token"]
    command = f"sh -c 'echo asking the vault for {token} >&2; echo {token}'"
    result = run("token", PARALLEL_TOKEN_COMMAND=command)
    assert result.stdout == f"{token}\n"
    assert result.stderr == "asking the vault for ********\n"


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "<&- 2>&-"])
def test_closed_streams_are_no_failure(signed_in: SignIn, closed: str) -> None:
    """A token command may be written so. The refresh works too, and what it opens stays apart."""
    signed_in.expire()
    result = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m parallel_provider.cli token {closed}', sys.executable],
        env=signed_in.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout == signed_in.tokens["access_token"] + "\n"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("command", "code"), [("token", 1), ("login --print-refresh-token", 1), ("status", 0)]
)
def test_closed_standard_output_fails_where_it_is_all_that_was_wanted(
    signed_in: SignIn, command: str, code: int
) -> None:
    """Nothing is refreshed or signed in to. There is one line, and no traceback."""
    signed_in.expire()
    before = signed_in.refreshes
    result = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m parallel_provider.cli {command} >&-', sys.executable],
        env=signed_in.environment,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == code, result.stderr
    if code:
        assert result.stderr.startswith("Error: standard output is closed, so the ")
        assert result.stderr.count("\n") == 1
        assert signed_in.refreshes == before


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("command", [["token"], ["status"], ["status", "--json"]])
def test_given_token_that_has_ended_fails(run: Run, signed_out: SignIn, command: list[str]) -> None:
    """The token holds its own end, so no request is needed."""
    ended = signed_out.emulator.mint_token(lifetime_seconds=-90)
    result = run(*command, PARALLEL_ACCESS_TOKEN=ended, PARALLEL_SERVICE_API_URL="http://[::1]:1")
    assert result.returncode == 1
    assert "Error: the access token from PARALLEL_ACCESS_TOKEN has ended (20" in result.stderr
    assert result.stderr.count("\n") == 1
    assert ended not in result.stdout + result.stderr


@pytest.mark.parametrize("source", ["ACCESS_TOKEN", "TOKEN_COMMAND", "REFRESH_TOKEN"])
def test_token_of_another_organization_is_not_printed(
    run: Run, signed_out: SignIn, source: str
) -> None:
    """What gets the token would change another organization than the one that is named."""
    tokens = signed_out.obtain_tokens()
    values = {
        "ACCESS_TOKEN": tokens["access_token"],
        "TOKEN_COMMAND": python("-c", f"print('{tokens['access_token']}')"),
        "REFRESH_TOKEN": tokens["refresh_token"],
    }
    variables = {
        f"PARALLEL_{source}": values[source],
        "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND": "true",
        "PARALLEL_CLIENT_ID": tokens["client_id"],
    }
    signed_out.path.parent.mkdir()
    for arguments, org_id in ((["--org", "org_other"], None), ([], "org_other")):
        guard = {} if org_id is None else {"PARALLEL_ORG_ID": org_id}
        result = run("token", *arguments, **variables, **guard)
        assert (result.returncode, result.stdout) == (1, "")
        assert "allows 'org_other' only" in result.stderr
    printed = run("token", "--org", signed_out.emulator.org_id, **variables)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.startswith("eyJ")


NO_HOME = (
    "import pwd, sys\n"
    "def nobody(_): raise KeyError\n"
    "pwd.getpwuid = pwd.getpwnam = nobody\n"
    "from parallel_provider.cli import main\n"
    "sys.exit(main())"
)


@pytest.fixture
def run_without_home(signed_out: SignIn, tmp_path: Path) -> Run:
    """Run a command as a user without a home directory, as in many containers."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            name: value
            for name, value in signed_out.environment.items()
            if name not in ("HOME", "PARALLEL_AUTH_FILE")
        }
        result = subprocess.run(
            [sys.executable, "-c", NO_HOME, *arguments],
            env={**environment, **variables},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert list(tmp_path.iterdir()) == []
        return result

    return run


no_windows = pytest.mark.skipif(sys.platform == "win32", reason="homes are found otherwise there")


@no_windows
def test_given_token_needs_no_home_directory(run_without_home: Run, emulator: Emulator) -> None:
    """It needs no file."""
    token = emulator.mint_token()
    assert run_without_home("token", PARALLEL_ACCESS_TOKEN=token).stdout == f"{token}\n"
    for command in ("status", "balance", "apps"):
        result = run_without_home(command, PARALLEL_ACCESS_TOKEN=token)
        assert result.returncode == 0, result.stderr


@no_windows
@pytest.mark.parametrize(
    ("arguments", "variables", "home"),
    [
        (["status"], {}, "~"),
        (["login", "--timeout", "1"], {}, "~"),
        (["logout"], {}, "~"),
        (["token"], {"PARALLEL_AUTH_FILE": "~nobody-here/a.json"}, "~nobody-here"),
        (
            ["token"],
            {"PARALLEL_REFRESH_TOKEN": "rt", "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND": "cat"},
            "~",
        ),
    ],
)
def test_sign_in_without_a_home_directory_is_one_line(
    run_without_home: Run, arguments: list[str], variables: dict[str, str], home: str
) -> None:
    """The error says that there is no home directory, and what to do."""
    result = run_without_home(*arguments, **variables)
    assert result.returncode == 1
    assert f"there is no home directory {home}: set HOME, name another place" in result.stderr
    assert result.stderr.count("\n") == 1
