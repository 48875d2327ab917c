"""The command line as people run it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.credentials.sign_ins import SignIn

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PROGRAM = (sys.executable, "-m", "parallel_provider.cli")


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
        result = subprocess.run(
            [*PROGRAM, *arguments],
            env={**signed_out.environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        may_print_a_token = arguments[:1] == ("token",) or "--print-refresh-token" in arguments
        signed_out.assert_no_secret_in(result.stderr)
        if not may_print_a_token:
            signed_out.assert_no_secret_in(result.stdout)
        assert "Traceback" not in result.stderr
        return result

    return run
