"""Commands that a user configures: what they get, what they may do, how they are ended."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from pathlib import Path

import pytest

from parallel_provider.commands import (
    MAX_MESSAGES,
    MAX_OUTPUT,
    Command,
    environment_for_commands,
    run_command,
    show_on_standard_error,
)
from parallel_provider.errors import CommandError, SettingsError
from parallel_provider.settings import IMPORTED_RAW_KEY, VARIABLES

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJlLW9mLXRlc3Q"


def python(code: str, *arguments: str) -> Command:
    """Return a command that runs Python code, through the same parsing as a user's."""
    return Command.parse(shlex.join([sys.executable, "-c", code, *arguments]), "SETTING")


def run_quietly(command: Command, seconds: float = 20.0) -> bytes:
    """Run a command whose messages don't matter."""
    return run_command(command, show=lambda _: None, seconds=seconds)


def test_command_gives_its_standard_output() -> None:
    """The standard output is the result."""
    assert run_quietly(python("print('hello')")) == b"hello\n"


def test_command_gets_its_standard_input() -> None:
    """A secret reaches a command by its standard input, as it is."""
    command = python("import sys; sys.stdout.write(sys.stdin.read()[::-1])")
    assert run_command(command, standard_input=b"abc", show=print) == b"cba"


def test_variables_that_a_command_lacks_are_documented() -> None:
    """A user who misses one of them finds it on the page about settings."""
    page = Path(__file__).parents[1] / "docs" / "installation-configuration.md"
    _, _, after = page.read_text().partition("Only these variables are left out:")
    named = re.findall(r"`(\w+)`", after.partition("A `deliver_command`")[0])
    assert named
    assert environment_for_commands(dict.fromkeys(named, "x")) == {}
    others = dict.fromkeys((*VARIABLES, IMPORTED_RAW_KEY), "x")
    assert environment_for_commands(others).keys() == others.keys() - set(named)


def test_command_is_no_shell_line() -> None:
    """Variables, pipes and separators of a shell are text like any other."""
    command = python("import sys; print(sys.argv[1:])", "$HOME", "|", ";", "a b")
    assert run_quietly(command) == b"['$HOME', '|', ';', 'a b']\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("printf 'x", "can't be split"), ("''", "names no command"), ("", "names no command")],
)
def test_malformed_command_is_a_settings_error(text: str, reason: str) -> None:
    """A command that can't be split is refused before anything runs, by its setting's name."""
    with pytest.raises(SettingsError, match=f"SETTING.*{reason}"):
        Command.parse(text, "SETTING")


def test_missing_command_is_named_without_its_arguments() -> None:
    """The error names the program, and not the arguments, which may be secret."""
    with pytest.raises(CommandError, match=r"no-such-program.*SETTING") as caught:
        run_quietly(Command.parse("no-such-program --password hunter2", "SETTING"))
    assert "hunter2" not in str(caught.value)


def test_command_with_a_zero_byte_is_refused() -> None:
    """No system can start it. That isn't a bug of this package."""
    with pytest.raises(CommandError, match=r"can't be started: .*null byte"):
        run_quietly(Command(("printf", "a\0b"), "SETTING"))


def test_failing_command_reports_its_exit_code_and_last_words() -> None:
    """A failure shows what the command itself said last, and never its output."""
    command = python("import sys; print('output'); sys.exit('the vault is sealed')")
    with pytest.raises(CommandError, match=r"exit code 1\): the vault is sealed") as caught:
        run_quietly(command)
    assert "output" not in str(caught.value)


def test_messages_are_shown_without_secrets_and_control_characters() -> None:
    """Standard error reaches the user line by line, tokens masked and escapes removed."""
    shown: list[str] = []
    code = "import sys; sys.stderr.write(sys.argv[1]); print('done')"
    message = f"first \x1b[31mline\nBearer {JWT}\nrefresh rt_secret!"
    output = run_command(python(code, message), show=shown.append, secrets=["rt_secret!"])
    assert output == b"done\n"
    assert shown == ["first [31mline", "Bearer ********", "refresh ********"]


def test_messages_pass_the_exit_for_texts(capsys: pytest.CaptureFixture[str]) -> None:
    """A colour that Pulumi doesn't know would end it in the middle of a run."""
    show_on_standard_error("<{%x%}> \x1b[31mred")
    assert capsys.readouterr().err == "<{ %x%}> [31mred\n"


def test_messages_without_end_are_cut() -> None:
    """The messages of a command are cut off at a limit."""
    shown: list[str] = []
    code = f"import sys; [print('x' * 99, file=sys.stderr) for _ in range({MAX_MESSAGES} // 10)]"
    run_command(python(code), show=shown.append)
    assert sum(map(len, shown[:-1])) <= MAX_MESSAGES
    assert "left out" in shown[-1]


def test_output_without_end_ends_the_command() -> None:
    """A command that prints megabytes is ended, and the error names it."""
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    with pytest.raises(CommandError, match=f"printed more than {MAX_OUTPUT} bytes"):
        run_quietly(python(code))


def test_command_that_never_ends_is_ended_with_its_children(tmp_path: Path) -> None:
    """After the time limit neither the command nor what it has started is left."""
    pid_file = tmp_path / "child.pid"
    child = (
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    code = (
        "import subprocess, sys, pathlib, time; p = pathlib.Path(sys.argv[2])\n"
        "subprocess.Popen([sys.executable, '-c', sys.argv[1]])\n"
        "while not p.exists() or not p.read_text(): time.sleep(0.01)\n"
        "time.sleep(600)"
    )
    with pytest.raises(CommandError, match="took longer than 3 seconds"):
        run_quietly(python(code, child, str(pid_file)), seconds=3)
    assert not is_running(int(pid_file.read_text()))


def test_background_child_does_not_hold_the_command_up() -> None:
    """A process that the command has left behind ends with the command."""
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)"
    )
    started = time.monotonic()
    pid = int(run_quietly(python(code)))
    assert time.monotonic() - started < 10
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    """Say whether a process exists and isn't a zombie."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        status = Path(f"/proc/{pid}/status")
        if status.exists() and "State:\tZ" in status.read_text():
            return False
        time.sleep(0.02)  # the kernel ends it when it gets to it
    return True
