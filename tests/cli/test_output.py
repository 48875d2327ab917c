"""Where the output goes: terminals, full disks, and pipes that are closed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import PROGRAM, Run, run_alone
from tests.credentials.sign_ins import SignIn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has neither /dev/full nor a pty")

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
# One for each way to print, and one for each way to run.
COMMANDS = [
    ["token"],
    ["apps"],
    ["--help"],
    ["emulator", "--port", "0"],
]


def output_on_terminal(arguments: list[str], environment: Mapping[str, str]) -> str:
    """Run a command on a terminal and return everything that it has written there."""
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb", buffering=0) as screen:
        program = subprocess.Popen(
            [*PROGRAM, *arguments],
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        shown = b"".join(_read(screen.fileno()))
        assert program.wait(60) == 0, shown
    return shown.decode()


def _read(descriptor: int) -> Iterator[bytes]:
    # Linux ends the reading with an error when the last writer has gone, others with nothing.
    with contextlib.suppress(OSError):
        while chunk := os.read(descriptor, 4096):
            yield chunk


def run_into(path: str, arguments: list[str], signed_in: SignIn) -> tuple[int, str]:
    """Run a command with its standard output going to a file, and return how it ended."""
    with Path(path).open("wb") as target:
        result = subprocess.run(
            [*PROGRAM, *arguments],
            env=signed_in.environment,
            stdin=subprocess.DEVNULL,
            stdout=target,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    return result.returncode, result.stderr


@FULL
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_output_that_cannot_be_written_is_one_line(signed_in: SignIn, arguments: list[str]) -> None:
    """A full disk is an error in one line."""
    code, errors = run_into("/dev/full", arguments, signed_in)
    assert code == 1
    assert errors == "Error: the output can't be written (No space left on device)\n"


@FULL
def test_messages_that_cannot_be_written_leave_the_exit_code(signed_out: SignIn) -> None:
    """If no message can be written, the exit code is the same."""
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            [*PROGRAM, "status"],
            env=signed_out.environment,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=full,
            check=False,
            timeout=60,
        )
    assert result.returncode == 1


@FULL
@pytest.mark.parametrize(
    ("command", "code"), [("logout", 0), ("logout --organization", 2), ("logout --org other", 1)]
)
def test_exit_code_tells_what_was_done_although_no_message_can_be_written(
    signed_in: SignIn, command: str, code: int
) -> None:
    """Who reads "failed" of what was done would do it again."""
    result = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m parallel_provider.cli {command} 2>/dev/full', PROGRAM[0]],
        env=signed_in.environment,
        check=False,
        timeout=60,
    )
    assert result.returncode == code
    assert (signed_in.document["orgs"] == {}) == (code == 0)


@pytest.mark.parametrize("arguments", [a for a in COMMANDS if a[0] != "emulator"], ids=" ".join)
def test_reader_that_has_gone_ends_the_command_quietly(
    signed_in: SignIn, arguments: list[str]
) -> None:
    """`| head -0` prints no error, for any command."""
    reader, writer = os.pipe()
    os.close(reader)
    code, errors = run_into(f"/dev/fd/{writer}", arguments, signed_in)
    os.close(writer)
    assert (code, errors) == (1, "")


@pytest.mark.parametrize(
    ("command", "variables", "is_plain"),
    [
        ("status", {"TERM": "xterm-256color"}, False),
        ("status", {"TERM": "xterm-256color", "NO_COLOR": ""}, False),
        ("status", {"TERM": "xterm-256color", "NO_COLOR": "1", "FORCE_COLOR": "1"}, True),
        ("status", {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ("login", {"TERM": "xterm-256color"}, False),
        ("login", {"TERM": "xterm-256color", "NO_COLOR": "1"}, True),
        ("login", {"TERM": "dumb"}, True),
    ],
)
def test_terminal_that_wants_plain_text_gets_no_escape_sequence(
    signed_in: SignIn, command: str, variables: dict[str, str], *, is_plain: bool
) -> None:
    """NO_COLOR and TERM=dumb turn off bold text and spinners too."""
    signed_in.emulator.set_settings(auto_approve=True)
    options = ["--no-browser"] if command == "login" else []
    shown = output_on_terminal([command, *options], {**signed_in.environment, **variables})
    assert ("\x1b" not in shown) == is_plain


def test_fact_is_one_line_on_every_terminal(signed_in: SignIn) -> None:
    """A path or an id that is copied has no line break, on a dumb terminal either."""
    variables = {"TERM": "dumb", "LINES": ""}
    shown = output_on_terminal(["status"], {**signed_in.environment, **variables})
    assert f"Access token from the stored sign-in {signed_in.path}\r\n" in shown
    assert "balance:read balance:add\r\nSign-in" in shown
    assert len(shown.splitlines()) == 5


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("command", ["status", "apps"])
def test_pipe_gets_no_escape_sequence_whatever_the_environment_says(run: Run, command: str) -> None:
    """A program that reads the output wants the text alone."""
    result = run(command, FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b" not in result.stdout + result.stderr


def test_name_that_the_encoding_lacks_is_shown_as_far_as_it_can_be(signed_in: SignIn) -> None:
    """A terminal without Unicode gets escapes instead."""
    signed_in.emulator.set_org(org_name="株式会社")
    result = run_alone(signed_in, "apps", PYTHONIOENCODING="latin-1")
    assert result.returncode == 0, result.stderr
    assert "\\u682a" in result.stdout


def test_short_help_is_the_help(run: Run) -> None:
    """`-h` works everywhere."""
    assert run("login", "-h").stdout == run("login", "--help").stdout
