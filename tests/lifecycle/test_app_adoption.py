"""Runs that adopt the same name at the same time: all of them end up with one app."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, TimeoutError

import pytest

from parallel_provider.api import AccountApi
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from parallel_provider.user_folder import machine_lock
from tests.lifecycle.runs import Said, api_at

ADOPT = AppInputs(app_name="search", adopt_existing=True)
APPS = "/service/v1/apps"
LIFECYCLE = AppLifecycle()
NewRun = Callable[[], Run]


def ids(emulator: Emulator) -> list[str]:
    """Return the ids of the apps that were created and are still there."""
    return [app["app_id"] for app in emulator.state()["apps"]][1:]


def test_runs_on_one_machine_create_one_app(new_run: NewRun, emulator: Emulator) -> None:
    """Six runs have all seen that there is none before the first creates it."""
    runs = [new_run() for _ in range(6)]
    for run in runs:
        run.apps.load()

    with ThreadPoolExecutor(6) as threads:
        apps = list(threads.map(lambda run: LIFECYCLE.create(Context(run), ADOPT), runs))

    assert [{app.app_id} for app in apps] == [set(ids(emulator))] * 6
    assert emulator.state()["requests"][f"POST {APPS}"] == 1


@pytest.fixture
def console(emulator: Emulator) -> AccountApi:
    """Return a client that is no run's."""
    return api_at(emulator.url, emulator.access_token)


def test_lost_answer_adopts_what_has_appeared(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """The app was asked for by its name, whoever has created it; the user is told its id."""
    emulator.add_fault("drop_after", method="POST", path=APPS)

    adopted = LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == [adopted.app_id]
    assert adopted.declared_existing
    assert any(adopted.app_id in told and "this stack adopts it" in told for told in said.infos)


@pytest.fixture
def theirs(run: Run, console: AccountApi, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let another machine create an app of the name just before each request of ours."""
    created: list[str] = []
    create_app = run.api.create_app

    def create(app_name: str) -> str:
        created.append(console.create_app(app_name))
        return create_app(app_name)

    monkeypatch.setattr(run.api, "create_app", create)
    return created


@pytest.fixture
def run(new_run: NewRun) -> Run:
    """Return a run that has listed the apps."""
    run = new_run()
    run.apps.load()
    return run


def test_lost_answer_with_an_app_of_somebody_else_is_refused(
    run: Run, emulator: Emulator, theirs: list[str]
) -> None:
    """Two new apps: which is meant can't be guessed, so both are named, and neither is deleted."""
    emulator.add_fault("drop_after", method="POST", path=APPS, after=1)

    with pytest.raises(LifecycleError, match="2 apps are named 'search'") as failure:
        LIFECYCLE.create(Context(run), ADOPT)

    assert len(ids(emulator)) == 2
    assert theirs[0] in ids(emulator)
    assert all(app_id in str(failure.value) for app_id in ids(emulator))


def test_lost_answer_adopts_an_app_of_somebody_else(
    run: Run, emulator: Emulator, theirs: list[str]
) -> None:
    """The program asked for it by its name, and will never delete it."""
    emulator.add_fault("status", method="POST", path=APPS, status=502, after=1)

    assert [LIFECYCLE.create(Context(run), ADOPT).app_id] == theirs == ids(emulator)


def test_apps_of_two_machines_both_stay(run: Run, emulator: Emulator, theirs: list[str]) -> None:
    """Nobody deletes an app in favour of another. The next stack that adopts must choose."""
    ours = LIFECYCLE.create(Context(run), ADOPT)

    assert {ours.app_id, *theirs} == set(ids(emulator))


def test_answers_that_are_always_lost_are_an_error(new_run: NewRun, emulator: Emulator) -> None:
    """Nothing was created, and nothing is left. The next run adopts what may have appeared."""
    emulator.add_fault("drop_before", method="POST", path=APPS, times=9)

    with pytest.raises(
        LifecycleError, match="another attempt failed .* or two of them.* Run again"
    ):
        LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == []


def test_lock_ends_with_the_process_that_holds_it() -> None:
    """A run that was killed keeps nobody from the next one."""
    program = (
        "import os\n"
        "from parallel_provider.user_folder import machine_lock\n"
        "with machine_lock('test'):\n"
        "    print('held', flush=True)\n"
        "    os.read(0, 1)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    waiting = ThreadPoolExecutor(1).submit(lambda: machine_lock("test").__enter__() or "got it")
    with pytest.raises(TimeoutError):
        waiting.result(timeout=0.3)

    holder.kill()
    holder.communicate()

    assert waiting.result(timeout=30) == "got it"
