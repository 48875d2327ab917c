"""The command line, in this process: a process of its own for each call takes a second."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from parallel_provider.cli import main
from parallel_provider.testing.emulator import Emulator
from tests.credentials.sign_ins import SignIn

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PROGRAM = (sys.executable, "-m", "parallel_provider.cli")


def run_alone(
    sign_in: SignIn, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env={**sign_in.environment, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def signed_out(emulator: Emulator, tmp_path: Path) -> SignIn:
    """Return the path of a sign-in file that doesn't exist yet."""
    return SignIn(emulator, tmp_path / "config" / "auth.json")


@pytest.fixture
def signed_in(signed_out: SignIn) -> SignIn:
    """Give a fresh sign-in to the emulator's first organization."""
    signed_out.path.parent.mkdir()
    signed_out.sign_in()
    return signed_out


@pytest.fixture
def run(signed_out: SignIn) -> Run:
    """Run a command against the emulator; only `token` and the like may print a token."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        output, errors = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**signed_out.environment, **variables}, clear=True),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
        ):
            code = main(arguments)
        result = subprocess.CompletedProcess(arguments, code, output.getvalue(), errors.getvalue())
        may_print_a_token = arguments[:1] == ("token",) or "--print-refresh-token" in arguments
        signed_out.assert_no_secret_in(result.stderr)
        if not may_print_a_token:
            signed_out.assert_no_secret_in(result.stdout)
        return result

    return run
