"""A refresh token from the environment: several processes of one run, and the next run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.credentials.sign_ins import SignIn, clean_environment

PRINT_TOKEN = [sys.executable, "-m", "parallel_provider.cli", "token"]
# A secret store that keeps what it is given; it fails while `down` lies beside it.
STORE = (
    "import pathlib, sys; path = pathlib.Path(sys.argv[1])\n"
    "if path.with_name('down').exists(): sys.exit('the store is down')\n"
    "path.write_text(sys.stdin.read())"
)


class Pipeline:
    """A pipeline's own secret store, and its machine, which begins each run without a file."""

    def __init__(self, signed_in: SignIn, tmp_path: Path) -> None:
        self.signed_in = signed_in
        tokens = signed_in.obtain_tokens()
        self.client_id: str = tokens["client_id"]
        self.store = tmp_path / "store"
        self.store.write_text(tokens["refresh_token"])
        self.machine = tmp_path / "machine"
        self.started_with = ""

    def begin_run(self, machine: str) -> None:
        """Start a run: the environment gets what the store has at this moment."""
        self.machine = self.machine.with_name(machine)
        self.started_with = self.store.read_text()

    def token(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Have one process of the run print an access token."""
        store = shlex.join([sys.executable, "-c", STORE, str(self.store)])
        environment: dict[str, Any] = clean_environment(
            PARALLEL_AUTH_FILE=str(self.machine / "auth.json"),
            PARALLEL_PLATFORM_URL=self.signed_in.emulator.url,
            PARALLEL_REFRESH_TOKEN=self.started_with,
            PARALLEL_REFRESH_TOKEN_SAVE_COMMAND=store,
            PARALLEL_CLIENT_ID=self.client_id,
            **variables,
        )
        return subprocess.run(
            PRINT_TOKEN, env=environment, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.fixture
def pipeline(signed_in: SignIn, tmp_path: Path) -> Pipeline:
    """Give a pipeline that was signed in for, and its first run."""
    pipeline = Pipeline(signed_in, tmp_path)
    pipeline.begin_run("machine-1")
    return pipeline


def test_run_of_several_processes_uses_the_token_once(pipeline: Pipeline) -> None:
    """Preview and up are processes of their own: they share what the first one got."""
    before = pipeline.signed_in.refreshes
    first, second = pipeline.token(), pipeline.token()
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert pipeline.signed_in.refreshes == before + 1


def test_next_run_goes_on_with_what_was_saved(pipeline: Pipeline) -> None:
    """On another machine, the rotated token from the store is as good as the first one was."""
    first = pipeline.token()
    assert pipeline.store.read_text() != pipeline.started_with
    pipeline.begin_run("machine-2")
    second = pipeline.token()
    assert second.returncode == 0, second.stderr
    assert second.stdout != first.stdout


def test_failing_store_is_an_error_and_costs_nothing(pipeline: Pipeline) -> None:
    """No token is used before its successor is saved; what couldn't be is saved by the next."""
    down = pipeline.store.with_name("down")
    down.touch()
    failed = pipeline.token()
    assert failed.returncode == 1
    assert "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND failed" in failed.stderr
    assert "the store is down" in failed.stderr
    assert failed.stdout == ""
    down.unlink()
    before = pipeline.signed_in.refreshes
    assert pipeline.token().returncode == 0
    assert pipeline.signed_in.refreshes == before
    pipeline.begin_run("machine-2")
    assert pipeline.token().returncode == 0


def test_token_of_the_official_clients_own_id_needs_no_client_id(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    """`login --print-refresh-token` gives a token that is all a pipeline needs."""
    signed_in = pipeline.signed_in
    signed_in.emulator.set_settings(auto_approve=True)
    login = subprocess.run(
        [*PRINT_TOKEN[:-1], "login", "--print-refresh-token"],
        env={**signed_in.environment, "PARALLEL_AUTH_FILE": str(tmp_path / "none.json")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    pipeline.store.write_text(login.stdout.strip())
    pipeline.client_id = ""
    pipeline.begin_run("machine-3")
    used = pipeline.token()
    assert used.returncode == 0, used.stderr
    assert not (tmp_path / "none.json").exists()


def test_files_of_a_pipeline_are_private(pipeline: Pipeline) -> None:
    """What the processes of a run share is closed to everybody else."""
    pipeline.token()
    files = list(pipeline.machine.iterdir())
    assert any(file.name.startswith("pipeline-") for file in files)
    assert all(file.stat().st_mode & 0o77 == 0 for file in files)
    assert pipeline.machine.stat().st_mode & 0o77 == 0
