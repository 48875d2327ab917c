"""A refresh token from the environment: several processes of one run, the next run, the files."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.refresh import remove_old_pipeline_files
from parallel_provider.credentials.stored_sign_in import PIPELINE_FILE_PREFIX
from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError
from tests.credentials.scripted_refresh import INVALID_GRANT, ScriptedPipelineRefresh, grant
from tests.credentials.sign_ins import SignIn, clean_environment

DAY = 24 * 60 * 60
PRINT_TOKEN = [sys.executable, "-m", "parallel_provider.cli", "token"]
# A Python without this package's dependencies.
OTHER_PYTHONS = [path for path in ("/usr/bin/python3",) if Path(path).exists()]
# A secret store, which fails while a file `down` is beside it.
STORE = (
    "import pathlib, sys; path = pathlib.Path(sys.argv[1])\n"
    "if path.with_name('down').exists(): sys.exit('the store is down')\n"
    "path.write_text(sys.stdin.read())"
)


# Keeps what the save command gets, and what it is started with.
SAVE = """\
import json, os, sys
with open("saved", "a") as file:
    kept_back = ("PYTHONPATH", "PULUMI_CONFIG", "PARALLEL_R")
    names = [name for name in os.environ if name.startswith(kept_back)]
    print(json.dumps([sys.stdin.read(), os.getcwd(), names]), file=file)
"""


class Pipeline:
    """A pipeline's secret store, and its machine, which starts each run without a file."""

    def __init__(self, signed_in: SignIn, tmp_path: Path) -> None:
        self.signed_in = signed_in
        tokens = signed_in.obtain_tokens()
        self.client_id: str = tokens["client_id"]
        self.store = tmp_path / "store"
        self.store.write_text(tokens["refresh_token"])
        self.machine = tmp_path / "machine"
        self.started_with = ""

    def begin_run(self, machine: str) -> None:
        """Start a run, whose environment gets the refresh token that the store has now."""
        self.machine = self.machine.with_name(machine)
        self.started_with = self.store.read_text()

    def token(
        self, *, folder: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Have one process of the run print an access token."""
        store = shlex.join([sys.executable, "-c", STORE, str(self.store)])
        environment: dict[str, Any] = clean_environment(
            PARALLEL_AUTH_FILE=str(self.machine / "auth.json"),
            PARALLEL_PLATFORM_URL=self.signed_in.emulator.url,
            PARALLEL_REFRESH_TOKEN=self.started_with,
            PARALLEL_REFRESH_TOKEN_SAVE_COMMAND=store,
            PARALLEL_CLIENT_ID=self.client_id,
        )
        return subprocess.run(
            PRINT_TOKEN,
            env={**environment, **variables},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture
def pipeline(signed_in: SignIn, tmp_path: Path) -> Pipeline:
    """Give a pipeline that was signed in for, and its first run."""
    pipeline = Pipeline(signed_in, tmp_path)
    pipeline.begin_run("machine-1")
    return pipeline


def test_run_of_several_processes_uses_the_token_once(pipeline: Pipeline) -> None:
    """The second process uses the token that the first one got, and the next run the saved one."""
    before = pipeline.signed_in.refreshes
    first, second = pipeline.token(), pipeline.token()
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert pipeline.signed_in.refreshes == before + 1
    files = list(pipeline.machine.iterdir())
    assert any(file.name.startswith(PIPELINE_FILE_PREFIX) for file in files)
    assert all(file.stat().st_mode & 0o77 == 0 for file in (pipeline.machine, *files))

    assert pipeline.store.read_text() != pipeline.started_with
    pipeline.begin_run("machine-2")
    third = pipeline.token()
    assert third.returncode == 0, third.stderr
    assert third.stdout != first.stdout


def test_store_that_is_down_is_an_error_before_the_token_is_used(pipeline: Pipeline) -> None:
    """The store gets the present token first."""
    down = pipeline.store.with_name("down")
    down.touch()
    before = pipeline.signed_in.refreshes
    failed = pipeline.token()
    assert pipeline.signed_in.refreshes == before
    assert failed.returncode == 1
    assert "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND failed" in failed.stderr
    assert "the store is down" in failed.stderr
    assert failed.stdout == ""
    down.unlink()
    assert pipeline.token().returncode == 0


@pytest.mark.parametrize("python", [sys.executable, *OTHER_PYTHONS])
def test_save_command_runs_in_the_programs_folder_with_the_users_environment(
    pipeline: Pipeline, tmp_path: Path, python: str
) -> None:
    """A relative path works, also with another Python, which must not get this one's modules."""
    folder = tmp_path / "program"
    (folder / "tools").mkdir(parents=True)
    (folder / "tools" / "save.py").write_text(SAVE)
    ran = pipeline.token(
        folder=folder,
        PARALLEL_REFRESH_TOKEN_SAVE_COMMAND=shlex.join([python, "tools/save.py"]),
        PULUMI_CONFIG='{"parallel:accessToken": "secret"}',
    )
    assert ran.returncode == 0, ran.stderr
    calls = [json.loads(line) for line in (folder / "saved").read_text().splitlines()]
    assert calls[0] == [pipeline.started_with, str(folder), []]
    assert calls[1][1:] == calls[0][1:]
    assert calls[1][0] != calls[0][0]


def test_save_command_that_cannot_be_started_costs_no_token(pipeline: Pipeline) -> None:
    """The error names the setting, and the refresh token can be used afterwards."""
    before = pipeline.signed_in.refreshes
    for command in ("no-such-program", "./tools"):
        failed = pipeline.token(PARALLEL_REFRESH_TOKEN_SAVE_COMMAND=command)
        assert failed.returncode == 1
        assert "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND can't be started" in failed.stderr
    assert pipeline.signed_in.refreshes == before
    assert pipeline.token().returncode == 0


def test_token_of_the_official_clients_own_id_needs_no_client_id(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    """The token of `login --print-refresh-token` works without `PARALLEL_CLIENT_ID`."""
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


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedPipelineRefresh:
    """Give a pipeline whose file isn't there yet."""
    return ScriptedPipelineRefresh(tmp_path / "pipeline-1.json", [])


def test_pipeline_with_a_used_token_fails_at_once_and_says_how_to_get_another(
    scripted: ScriptedPipelineRefresh,
) -> None:
    """There is no other program to wait for, and the error names the command for a pipeline."""
    scripted.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"invalid_grant.*login --print-refresh-token"):
        scripted.run()
    assert scripted.sleeps == []


def test_next_process_of_a_pipeline_uses_the_rotated_token(
    scripted: ScriptedPipelineRefresh,
) -> None:
    """A second process has the used token in its environment, and never sends it."""
    scripted.answers = [grant(1), grant(2)]
    scripted.run()
    scripted.run()
    scripted.run(unwanted=fingerprint(SecretStr("access-1")))
    assert scripted.sent == ["refresh-0", "refresh-1"]
    assert scripted.saved == ["refresh-0", "refresh-1", "refresh-1", "refresh-2"]


def test_failed_save_is_repeated_without_another_refresh(
    scripted: ScriptedPipelineRefresh,
) -> None:
    """A token that couldn't be saved stays in the file, and the next process saves it."""
    scripted.answers = [grant(1)]
    scripted.down_from = 1
    with pytest.raises(CredentialsError, match="the store is down"):
        scripted.run()
    scripted.down_from = math.inf
    scripted.run()
    assert scripted.sent == ["refresh-0"]
    assert scripted.saved == ["refresh-0", "refresh-1"]


def test_pipeline_saves_the_refresh_token_of_an_answer_without_access_token(
    scripted: ScriptedPipelineRefresh,
) -> None:
    """The store gets the new refresh token before the error is raised."""
    scripted.answers = [grant(1).model_copy(update={"access_token": None})]
    with pytest.raises(CredentialsError, match="no access token for it"):
        scripted.run()
    assert scripted.saved == ["refresh-0", "refresh-1"]


def name_of(digits: str) -> str:
    """Return the name of a run's file."""
    return f"{PIPELINE_FILE_PREFIX}{digits}.json"


@pytest.mark.parametrize(
    ("name", "age", "stays"),
    [
        (name_of("0" * 32), 2 * DAY, False),
        (name_of("0" * 32), 0, True),
        (name_of("f" * 32), 2 * DAY, True),
        *(
            (name, 2 * DAY, True)
            for name in (
                "parallel-pipeline-prod.json",
                name_of("0" * 33),
                name_of("A" * 32),
                f"my-{name_of('0' * 32)}",
                f"{name_of('0' * 32)}\n",
            )
        ),
    ],
)
def test_files_of_old_runs_are_removed_with_their_locks(
    tmp_path: Path, name: str, age: float, *, stays: bool
) -> None:
    """The file of the current run, of another run of today, and a user's own file stay."""
    tmp_path.joinpath(name_of("1" * 32)).mkdir()  # can't be removed, and doesn't stop the others
    os.utime(tmp_path / name_of("1" * 32), (0, 0))
    files = [tmp_path / f"{name}{suffix}" for suffix in ("", ".lock")]
    for file in files:
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    remove_old_pipeline_files(tmp_path / name_of("f" * 32))
    assert [file.exists() for file in files] == [stays] * 2


def test_folder_that_cannot_be_listed_is_no_failure_of_the_refresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new pair is stored and saved then."""

    def not_allowed(_: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "iterdir", not_allowed)
    remove_old_pipeline_files(tmp_path / name_of("f" * 32))
