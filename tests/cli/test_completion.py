"""Each shell that is on this machine completes with what click prints for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.credentials.sign_ins import SignIn

Ask = Callable[..., set[str]]
# How a shell is asked what it would complete. `$1` is the completion's file, the rest the words.
ASK = {
    "bash": """
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        "$(complete -p parallel-provider | sed 's/.*-F \\([^ ]*\\).*/\\1/')" parallel-provider
        printf '%s\\n' "${COMPREPLY[@]}"
    """,
    "zsh": """
        autoload -U compinit; compinit -D -u
        compadd() { local name=${@[-1]}; print -l -- "${(@P)name}"; }
        _describe() { local name=$3 a; for a in "${(@P)name}"; do print -- "${a%%:*}"; done; }
        source "$1"; shift
        words=("$@"); CURRENT=$#
        _parallel_provider_completion
    """,
    "fish": """
        source $argv[1]
        complete --do-complete (string join ' ' -- $argv[2..-1])
    """,
}
INSTALLED = [
    pytest.param(
        shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"takes {shell}")
    )
    for shell in ASK
]


@pytest.fixture
def ask(run: Run, signed_out: SignIn, tmp_path: Path) -> Ask:
    """Ask a shell what it completes the last of some words with."""

    def ask(shell: str, *words: str) -> set[str]:
        printed = run(_PARALLEL_PROVIDER_COMPLETE=f"{shell}_source")
        assert printed.returncode == 0, printed.stderr
        file = tmp_path / "completion"
        file.write_text(printed.stdout)
        command = tmp_path / "bin" / "parallel-provider"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m parallel_provider.cli "$@"\n')
        command.chmod(0o755)
        path = f"{command.parent}:{signed_out.environment['PATH']}"
        asked = [str(file), "parallel-provider", *words]
        options = {"bash": ["--noprofile", "--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell]
        # bash and zsh name the first argument `$0`.
        named = [] if shell == "fish" else [shell]
        done = subprocess.run(
            [str(shutil.which(shell)), *options, "-c", ASK[shell], *named, *asked],
            env={**signed_out.environment, "PATH": path, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == ""
        return {line.split("\t")[0].strip() for line in done.stdout.splitlines()} - {""}

    return ask


@pytest.mark.parametrize("shell", INSTALLED)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("st", "status"),
        ("p", "plugin"),
        ("charges se", "settle"),
        ("apps --j", "--json"),
        ("login --scope apps:r", "apps:read"),
        ("nonsense x", ""),
    ],
)
def test_shell_completes(ask: Ask, shell: str, words: str, expected: str) -> None:
    """Commands, commands of commands, options and choices."""
    assert ask(shell, *words.split()) == {expected} - {""}


@pytest.mark.parametrize("shell", ASK)
def test_completion_names_the_program_and_its_variable(run: Run, shell: str) -> None:
    """Also where the shell isn't installed."""
    printed = run(_PARALLEL_PROVIDER_COMPLETE=f"{shell}_source").stdout
    assert f"_PARALLEL_PROVIDER_COMPLETE={shell}_complete" in printed
    assert "parallel-provider" in printed


def test_completion_imports_no_command() -> None:
    """It runs at each press of a key, and works without the extras."""
    program = (
        "import sys\n"
        "from parallel_provider.cli.program import program\n"
        "from click.shell_completion import BashComplete\n"
        "found = BashComplete(program, {}, 'x', 'X').get_completions([], '')\n"
        "print(*sorted(item.value for item in found))\n"
        "print(*[m for m in sys.modules if m.startswith(('httpx', 'pydantic', 'rich', 'fastapi'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    names, modules = done.stdout.splitlines()
    assert {"login", "emulator"} <= set(names.split())
    assert modules == ""
