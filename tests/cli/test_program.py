"""What all commands have in common: help, versions, exit codes, endings."""

from __future__ import annotations

import importlib.metadata
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from parallel_provider.cli import program
from tests.cli.conftest import PROGRAM, Run, run_alone
from tests.credentials.sign_ins import SignIn


def commands_in(group: click.Group, *words: str) -> Iterator[str]:
    """Yield all commands, those in groups too, as a person types them."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield " ".join([*words, name])
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands_in(command, *words, name)


COMMANDS = list(commands_in(program))


def test_help_lists_every_command(run: Run) -> None:
    """The help names all commands, with examples."""
    result = run("--help")
    assert result.returncode == 0
    assert all(f"\n  {command} " in result.stdout for command in COMMANDS if " " not in command)
    assert "Examples:" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command_has_examples(run: Run, command: str) -> None:
    """Every command shows how it is called."""
    result = run(*command.split(), "--help")
    assert result.returncode == 0
    assert f"parallel-provider {command}" in result.stdout.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("st", "status"),
        ("p", "plugin"),
        ("charges se", "settle"),
        ("login --scope apps:r", "apps:read"),
    ],
)
def test_shell_completes_commands_and_options(
    signed_out: SignIn, words: str, completed: str
) -> None:
    """With what click prints for each shell."""
    count = str(len(words.split()))
    words = f"parallel-provider {words}"
    printed = run_alone(
        signed_out,
        _PARALLEL_PROVIDER_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=count,
    )
    assert printed.stdout == f"plain,{completed}\n"


def test_version_is_that_of_the_package(run: Run) -> None:
    """One line, for a bug report."""
    said = run("--version").stdout
    assert said == f"parallel-provider {importlib.metadata.version('parallel-provider')}\n"


@pytest.mark.parametrize("arguments", [["nonsense"], ["status", "--nonsense"], ["balance", "x"]])
def test_wrong_call_exits_with_2(run: Run, arguments: list[str]) -> None:
    """A wrong call has another exit code than a failure."""
    result = run(*arguments)
    assert result.returncode == 2
    assert "Error: " in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("statsu", "'status'"),
        ("plugn", "'plugin'"),
        ("plugin instal", "'install'"),
        ("charges setle", "'settle'"),
        ("status --jsn", "--json"),
        ("balance --orgid X", "--org"),
    ],
)
def test_misspelt_command_or_option_gets_a_suggestion(run: Run, wrong: str, meant: str) -> None:
    """The nearest name that there is."""
    result = run(*wrong.split())
    assert result.returncode == 2
    assert f"Did you mean {meant}" in result.stderr.replace("'--", "--")


@pytest.mark.parametrize("command", ["status", "token", "balance", "apps", "logout"])
def test_command_without_sign_in_exits_with_1(run: Run, command: str) -> None:
    """A failure is one line that says what to do."""
    result = run(command)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "parallel-provider login" in result.stderr
    assert result.stdout == ""


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("command", ["status", "token", "balance", "apps", "logout"])
def test_organization_of_an_option_is_a_guard(run: Run, command: str) -> None:
    """It is refused if it is blank, as an unset variable is, or if the environment has another."""
    blank = run(command, "--org", " ")
    assert blank.returncode == 1
    assert "--org is set and blank" in blank.stderr
    other = run(command, "--org", "org_1", PARALLEL_ORG_ID="org_2")
    assert other.returncode == 1
    assert "--org and PARALLEL_ORG_ID name different organizations" in other.stderr


def test_unusable_setting_exits_with_1(run: Run) -> None:
    """A setting that can't work is named."""
    result = run("status", PARALLEL_PLATFORM_URL="http://example.com")
    assert result.returncode == 1
    assert "PARALLEL_PLATFORM_URL" in result.stderr


def test_server_that_fails_exits_with_1(run: Run, signed_in: SignIn) -> None:
    """An error of the API is one line too."""
    body = {"detail": "Missing required scope"}
    signed_in.emulator.add_fault("status", path="/service/v1/apps", status=403, body=body)
    result = run("apps")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: GET /service/v1/apps answered 403")
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("signed_in")
def test_refused_token_is_named_by_its_source(run: Run) -> None:
    """A 401 says which of the places the token came from."""
    result = run("balance", PARALLEL_ACCESS_TOKEN="a.b.c")
    assert result.returncode == 1
    assert "the access token from PARALLEL_ACCESS_TOKEN isn't valid" in result.stderr


@pytest.mark.parametrize("moment", ["importing", "waiting"])
def test_ctrl_c_exits_with_130_and_without_a_traceback(signed_out: SignIn, moment: str) -> None:
    """Whenever it comes, Ctrl-C ends a command quietly."""
    command = [*PROGRAM, "login", "--no-browser"]
    process = subprocess.Popen(
        command,
        env=signed_out.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    assert process.stderr is not None
    told = ""
    if moment == "waiting":
        while "Waiting for approval" not in told:
            told += process.stderr.readline()
    else:
        maps = Path(f"/proc/{process.pid}/maps")
        while "pydantic_core/_pydantic_core" not in maps.read_text():
            pass  # until it is among its imports
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    # Python itself ends by the signal if that came while it ran an `exec`, as dataclasses do; a
    # shell calls both 130.
    assert process.returncode in (130, -signal.SIGINT)
    assert output == ""
    assert "Traceback" not in told + errors


def test_commands_start_without_pulumi(signed_in: SignIn) -> None:
    """Importing Pulumi would cost each call a third of a second."""
    code = (
        "import sys; from parallel_provider.cli import main\n"
        "assert main(['balance']) == 0; assert main(['status']) == 0\n"
        "print([name for name in ('pulumi', 'grpc', 'fastapi') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=signed_in.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_names_from_the_server_cannot_steer_the_terminal(run: Run, signed_in: SignIn) -> None:
    """Control characters in a name are removed, and markup is shown as text."""
    document = signed_in.document
    org = document["orgs"][document["selected_org_id"]]
    org["org_name"] = "\x1b[2J\x07[red]Evil[/red]\nAccess token  ends never"
    signed_in.document = document
    result = run("status")
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "[red]Evil[/red] Access token" in result.stdout
