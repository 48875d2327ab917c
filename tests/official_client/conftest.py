"""The official client, in its own virtual environment: `.venv-official-client`.

It is installed once from the package registry, with the versions of `constraints.txt`. If that
isn't possible (no network), these tests are skipped with that reason.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest

from parallel_provider.testing.emulator import Emulator
from tests.cli.conftest import PROGRAM
from tests.credentials.sign_ins import SignIn

CONSTRAINTS = Path(__file__).with_name("constraints.txt")
REQUIREMENT = "parallel-web-tools[cli]"
# Most of what is installed is never imported, so nothing is compiled before that.
_INSTALL = ("install", "--quiet", "--disable-pip-version-check", "--no-compile")
_INSTALL_SECONDS = 300

Client = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def official_program(pytestconfig: pytest.Config) -> Path:
    """Give the path of `parallel-cli`. Install it first if needed."""
    place = pytestconfig.rootpath / ".venv-official-client"
    place.mkdir(exist_ok=True)
    environment = place / "environment"
    # The folder has a copy of the constraints. If they differ, install again.
    installed = place / "installed.txt"
    with filelock.FileLock(place / "installing.lock"):
        if not installed.exists() or installed.read_text() != CONSTRAINTS.read_text():
            _install(environment)
            installed.write_text(CONSTRAINTS.read_text())
    return environment / "bin" / "parallel-cli"


def _install(environment: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--python", str(environment)]
    for command in (
        [sys.executable, "-m", "venv", "--clear", "--without-pip", str(environment)],
        [*pip, *_INSTALL, "--constraint", str(CONSTRAINTS), REQUIREMENT],
    ):
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS
        )
        if result.returncode != 0:
            reason = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1:]
            pytest.skip(f"the official client can't be installed here: {' '.join(reason)}")


@pytest.fixture
def shared(emulator: Emulator, tmp_path: Path) -> SignIn:
    """Give the shared file of the sign-in, in a separate home folder."""
    emulator.set_settings(auto_approve=True)
    return SignIn(emulator, tmp_path / ".config" / "parallel-web-tools" / "auth.json")


@pytest.fixture
def official(official_program: Path, shared: SignIn, tmp_path: Path) -> Client:
    """Run the official client."""
    return _runner([str(official_program)], shared, tmp_path)


@pytest.fixture
def ours(shared: SignIn, tmp_path: Path) -> Client:
    """Run our command line, which uses the official client's file by default."""
    return _runner(list(PROGRAM), shared, tmp_path)


def _runner(program: list[str], shared: SignIn, home: Path) -> Client:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**shared.environment, "HOME": str(home)}
        del environment["PARALLEL_AUTH_FILE"]
        result = subprocess.run(
            [*program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        shared.assert_no_secret_in(result.stdout + result.stderr)
        return result

    return run
