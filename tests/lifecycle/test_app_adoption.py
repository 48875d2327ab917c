"""Runs that adopt the same name at the same time: all of them end up with one app."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, TimeoutError

import pytest

from parallel_provider.api import AccountApi
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle import app_adoption
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle
from parallel_provider.lifecycle.machine_lock import machine_lock
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said, api_at

ADOPT = AppInputs(app_name="search", adopt_existing=True)
APPS = "/service/v1/apps"
LIFECYCLE = AppLifecycle()
NewRun = Callable[[], Run]

# Runs on other machines share no lock with this one.
elsewhere = pytest.mark.usefixtures("_without_a_place_for_locks")


@pytest.fixture
def _without_a_place_for_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/dev/null")


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


class Rival:
    """Another run, which creates its app right before or right after this one does."""

    def __init__(self, api: AccountApi, *, smaller: bool) -> None:
        self._api = api
        self._smaller = smaller
        self.app_id = ""

    def create_beside(self, app_id: str) -> None:
        """Create apps until one has an id on the wanted side; delete the others."""
        while True:
            self.app_id = self._api.create_app("search")
            if (self.app_id < app_id) == self._smaller:
                return
            self._api.delete_app(self.app_id)

    def give_way(self) -> None:
        """Delete it, as a run does that sees an app with a smaller id."""
        self._api.delete_app(self.app_id)


@pytest.fixture
def console(emulator: Emulator) -> AccountApi:
    """Return a client that is no run's."""
    return api_at(emulator.url, emulator.access_token)


def beside(run: Run, rival: Rival, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rival create its app just after this run's first one."""
    create_app = run.api.create_app
    created: list[str] = []

    def create(app_name: str) -> str:
        created.append(create_app(app_name))
        if len(created) == 1:
            rival.create_beside(created[0])
        return created[-1]

    monkeypatch.setattr(run.api, "create_app", create)


@elsewhere
def test_larger_id_gives_way(
    new_run: NewRun, emulator: Emulator, console: AccountApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines have each created an app: this one deletes its own and takes the other over."""
    run, rival = new_run(), Rival(console, smaller=True)
    beside(run, rival, monkeypatch)

    assert LIFECYCLE.create(Context(run), ADOPT).app_id == rival.app_id
    assert ids(emulator) == [rival.app_id]
    assert run.apps.named("search")[0].app_id == rival.app_id


@elsewhere
def test_smaller_id_stays_when_the_other_gives_way(
    new_run: NewRun, emulator: Emulator, console: AccountApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other machine sees both apps as well, and deletes its own."""
    run, rival = new_run(), Rival(console, smaller=False)
    beside(run, rival, monkeypatch)
    monkeypatch.setattr(run, "wait", lambda _seconds: rival.give_way())

    assert [LIFECYCLE.create(Context(run), ADOPT).app_id] == ids(emulator)
    assert ids(emulator) != [rival.app_id]


@elsewhere
def test_smaller_id_yields_to_an_app_that_stays(
    new_run: NewRun, emulator: Emulator, console: AccountApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run had looked before this app was there: it keeps its own, so this one mustn't."""
    run, rival = new_run(), Rival(console, smaller=False)
    beside(run, rival, monkeypatch)
    slept: list[float] = []
    monkeypatch.setattr(run, "wait", slept.append)

    assert LIFECYCLE.create(Context(run), ADOPT).app_id == rival.app_id
    assert ids(emulator) == [rival.app_id]
    assert sum(slept) == 10.0


@elsewhere
def test_two_machines_at_once_end_with_one_app(new_run: NewRun, emulator: Emulator) -> None:
    """For real, without a lock, and as close together as threads can be."""
    for round_ in range(1, 6):
        runs = [new_run() for _ in range(2)]
        for run in runs:
            run.apps.load()
        inputs = AppInputs(app_name=f"search-{round_}", adopt_existing=True)
        with ThreadPoolExecutor(2) as threads:
            apps = list(threads.map(lambda run: LIFECYCLE.create(Context(run), inputs), runs))  # noqa: B023

        assert apps[0].app_id == apps[1].app_id
        assert len(ids(emulator)) == round_


@elsewhere
def test_rivals_without_end_are_an_error_that_leaves_nothing(
    new_run: NewRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that comes and goes is nobody's to take over."""
    run = new_run()
    monkeypatch.setattr(app_adoption, "_may_stay", lambda _run, _app: False)

    with pytest.raises(LifecycleError, match="at the same time: run again when they are done"):
        LIFECYCLE.create(Context(run), ADOPT)

    assert ids(emulator) == []


def test_look_that_fails_leaves_no_app(new_run: NewRun, emulator: Emulator) -> None:
    """Whether another run has created one as well isn't known then, so neither is kept."""
    emulator.add_fault("status", method="GET", path=APPS, status=403, after=2)

    with pytest.raises(ParallelError, match="403"):
        LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == []


def test_app_that_can_be_neither_kept_nor_deleted_is_named(
    new_run: NewRun, emulator: Emulator
) -> None:
    """It is the one thing that is left, so the error says which it is."""
    emulator.add_fault("status", method="GET", path=APPS, status=403, after=2)
    emulator.add_fault("status", method="DELETE", path=f"{APPS}/{{app_id}}", status=403)

    with pytest.raises(LifecycleError, match="can't be deleted again either") as failure:
        LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator)[0] in str(failure.value)


def test_lost_answer_adopts_what_has_appeared(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """The app was asked for by its name, whoever has created it; the user is told its id."""
    emulator.add_fault("drop_after", method="POST", path=APPS)

    adopted = LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == [adopted.app_id]
    assert adopted.adoption_id is not None
    assert any(adopted.app_id in told and "is taken over" in told for told in said.infos)


def test_lost_answer_with_a_rival_is_refused(
    new_run: NewRun, emulator: Emulator, console: AccountApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two new apps: which is meant can't be guessed, so both are named, and neither is deleted."""
    run = new_run()
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/dev/null")
    rival = Rival(console, smaller=True)
    create_app = run.api.create_app

    def create(app_name: str) -> str:
        rival.create_beside("g")
        return create_app(app_name)

    monkeypatch.setattr(run.api, "create_app", create)
    # The rival's request passes, and ours is lost.
    emulator.add_fault("drop_after", method="POST", path=APPS, after=1)

    with pytest.raises(LifecycleError, match="2 apps are named 'search'") as failure:
        LIFECYCLE.create(Context(run), ADOPT)

    assert len(ids(emulator)) == 2
    assert all(app_id in str(failure.value) for app_id in ids(emulator))


@elsewhere
def test_app_of_another_run_is_never_deleted_to_give_way(
    new_run: NewRun, emulator: Emulator, console: AccountApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a lost answer, the one that appeared may be the other run's: it's adopted as it is."""
    run = new_run()
    run.apps.load()
    theirs: list[str] = []
    create_app = run.api.create_app

    def create(app_name: str) -> str:
        theirs.append(console.create_app(app_name))
        return create_app(app_name)

    monkeypatch.setattr(run.api, "create_app", create)
    emulator.add_fault("status", method="POST", path=APPS, status=502, after=1)

    assert [LIFECYCLE.create(Context(run), ADOPT).app_id] == theirs == ids(emulator)


def test_answers_that_are_always_lost_are_an_error(new_run: NewRun, emulator: Emulator) -> None:
    """Nothing was created, and nothing is left."""
    emulator.add_fault("drop_before", method="POST", path=APPS, times=9)

    with pytest.raises(LifecycleError, match="lost 3 times, and no app named 'search' has appea"):
        LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == []


def test_lock_ends_with_the_process_that_holds_it() -> None:
    """A run that was killed keeps nobody from the next one."""
    program = (
        "import os\n"
        "from parallel_provider.lifecycle.machine_lock import machine_lock\n"
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
