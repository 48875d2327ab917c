"""Claims: which resource of a run has what, across its processes, and what isn't deleted then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import filelock
import pytest

from parallel_provider.errors import HeldElsewhereError, LifecycleError
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle
from parallel_provider.lifecycle.claims import Claim, Claims
from parallel_provider.lifecycle.keys import (
    ApiKeyInputs,
    ApiKeyLifecycle,
    RotatingApiKeyInputs,
    RotatingApiKeyLifecycle,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.printable import hide
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said

APPS_PATH = "/service/v1/apps"
KEYS_PATH = "/service/v1/apps/{app_id}/keys"
APPS, KEYS, SVC = AppLifecycle(), ApiKeyLifecycle(), RotatingApiKeyLifecycle()
NewRun = Callable[[], Run]
ENGINE = "127.0.0.1:4711"
APP = "app:1"

# Does for each line on its standard input what it says, and prints the result.
PROCESS = """
import json, sys
from dataclasses import asdict
from parallel_provider.lifecycle.claims import Claims
claims = Claims(sys.argv[1])
for line in sys.stdin:
    method, *arguments = json.loads(line)
    result = getattr(claims, method)(*arguments)
    found = result if isinstance(result, list) else [result]
    print(json.dumps([r if isinstance(r, str | None) else asdict(r) for r in found]), flush=True)
"""


class OtherProcess:
    """A provider process of its own."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(folder)},
        )

    def __call__(self, method: str, *arguments: str) -> list[Any]:
        """Call a method of its claims, and return the result as a list."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._process.stdin.flush()
        result: list[Any] = json.loads(self._process.stdout.readline())
        return result

    def kill(self) -> None:
        """End it at once, as a crash does."""
        self._process.kill()
        self._process.communicate()


Start = Callable[..., OtherProcess]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for temporary files of this test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Return a way to start another provider process."""
    started: list[OtherProcess] = []

    def begin(engine: str = ENGINE) -> OtherProcess:
        started.append(OtherProcess(engine, folder))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def files(folder: Path) -> list[Path]:
    """Return the files with claims."""
    return list(folder.glob("parallel-provider-*/*.jsonl"))


def test_second_resource_gets_the_claim_of_the_first() -> None:
    """The first one's own second claim is none."""
    claims = Claims()
    assert claims.claim(APP, "a", "App 'a'") is None
    assert claims.claim(APP, "a", "App 'a'") is None
    assert claims.claim(APP, "b", "App 'b'") == Claim(APP, "a", "App 'a'")
    assert claims.claim("app:2", "b", "App 'b'") is None


def test_users_of_a_thing_keep_it_and_hinder_nobody() -> None:
    """A key uses its app, which another resource holds."""
    claims = Claims()
    claims.use(APP, "k", "ApiKey 'k'")
    assert claims.claim(APP, "a", "App 'a'") is None
    claims.use(APP, "l", "ApiKey 'l'")
    assert [one.subject for one in claims.others(APP, "a")] == ["ApiKey 'k'", "ApiKey 'l'"]
    with claims.deleting(APP, "a", "App 'a'") as others:
        assert len(others) == 2
    claims.release(APP, "k")
    claims.release(APP, "l")
    with claims.deleting(APP, "a", "App 'a'") as others:
        assert others == []


def test_intention_becomes_the_claim_of_its_resource_alone() -> None:
    """A second intention or claim is refused."""
    claims = Claims()
    assert claims.intend(APP, "App 'a'") is None
    found = claims.intend(APP, "App 'b'")
    assert found is not None
    assert found.subject == "App 'a'"
    assert claims.claim(APP, "b", "App 'b'", is_new=True) is not None
    assert claims.claim(APP, "c", "App 'a'") is not None
    assert claims.claim(APP, "a", "App 'a'", is_new=True) is None
    assert [one.owner for one in claims.others(APP, "b")] == ["a"]
    assert claims.claim(APP, "c", "App 'a'", is_new=True) is not None


def test_what_is_being_deleted_cannot_be_claimed() -> None:
    """After the deletion it can: whether it exists is for the server to say."""
    claims = Claims()
    with claims.deleting(APP, "a", "App 'a'") as others:
        assert others == []
        assert claims.claim(APP, "b", "App 'b'") == Claim(APP, "a", "App 'a'")
        with claims.deleting(APP, "c", "App 'c'") as again:
            assert again == [Claim(APP, "a", "App 'a'")]
    assert claims.claim(APP, "b", "App 'b'") is None


def test_failed_deletion_changes_no_claim() -> None:
    """What the resource held, it holds still; what it didn't hold, others can have."""
    claims = Claims()
    claims.claim("app:2", "a", "App 'a'")
    for thing in (APP, "app:2"):
        with pytest.raises(ValueError, match="lost"), claims.deleting(thing, "a", "App 'a'"):
            raise ValueError("lost")
    assert claims.claim(APP, "b", "App 'b'") is None
    assert claims.claim("app:2", "b", "App 'b'") is not None


def test_claims_of_all_processes_count_until_the_run_has_ended(folder: Path, start: Start) -> None:
    """Either of two processes comes first. One that was killed has its claims still."""
    other, claims = start(), Claims(ENGINE)
    assert other("claim", APP, "a", "App 'a'", "sha256:1") == [None]
    assert claims.claim(APP, "b", "App 'b'") == Claim(APP, "a", "App 'a'", "sha256:1")
    assert claims.claim("app:2", "b", "App 'b'") is None
    assert other("claim", "app:2", "a", "App 'a'")[0]["subject"] == "App 'b'"

    other.kill()

    assert claims.claim(APP, "b", "App 'b'") is not None
    assert start()("claim", "app:2", "c", "App 'c'")[0]["subject"] == "App 'b'"
    assert len(files(folder)) == 1


def test_claims_of_another_run_do_not_count(start: Start) -> None:
    """Another engine has another address. Files of ended runs go with the next run."""
    other = start("127.0.0.1:4712")
    other("claim", APP, "a", "App 'a'")
    assert Claims(ENGINE).claim(APP, "b", "App 'b'") is None
    assert other("claim", APP, "c", "App 'c'")[0]["subject"] == "App 'a'"
    other.kill()
    assert start("127.0.0.1:4712")("claim", APP, "b", "App 'b'") == [None]


def test_run_that_has_ended_claims_nothing_though_its_process_goes_on(folder: Path) -> None:
    """An attached plugin serves several runs, and another engine may get the first address."""
    ended = Claims(ENGINE)
    assert ended.claim(APP, "a", "App 'a'") is None
    ended.note_failure("ApiKey 'ci'")
    assert ended.failed_resource() == "ApiKey 'ci'"

    ended.close()

    begun = Claims(ENGINE)
    assert begun.claim(APP, "b", "App 'b'") is None
    assert begun.failed_resource() is None
    with (
        pytest.raises(LifecycleError, match="the run has ended"),
        ended.deleting(APP, "a", "App 'a'"),
    ):
        pass
    assert len(files(folder)) == 1


def test_failure_is_known_to_all_processes(folder: Path, start: Start) -> None:
    """A process that creates nothing knows what another one couldn't create."""
    assert folder
    other, claims = start(), Claims(ENGINE)
    assert claims.failed_resource() is None
    other("note_failure", "ApiKey 'b'")
    assert claims.failed_resource() == "ApiKey 'b'"


def test_of_many_claims_at_the_same_time_one_is_first(folder: Path, start: Start) -> None:
    """Two processes with several threads each."""
    assert folder
    processes, claims = [start(), start()], Claims(ENGINE)
    for number in range(20):
        with ThreadPoolExecutor(6) as threads:
            results = [
                threads.submit(process, "claim", f"app:{number}", f"p{index}", "App")
                for index, process in enumerate(processes)
            ]
            results += [
                threads.submit(lambda o, n: [claims.claim(n, o, "App")], str(o), f"app:{number}")
                for o in range(4)
            ]
        assert [result.result() for result in results].count([None]) == 1


@pytest.mark.parametrize("wrong", ["file", "open", "no place", "relative", "link", "no locks"])
def test_without_a_folder_nothing_is_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Claims work for this process alone, and others may have what is to be deleted."""
    place = folder / f"parallel-provider-{os.geteuid()}"
    if wrong == "file":
        place.touch()
    elif wrong == "open":
        place.mkdir()
        place.chmod(0o755)
    elif wrong == "link":
        (folder / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(folder / "elsewhere")
    elif wrong == "no locks":
        # as filelock says it for a file system without them
        monkeypatch.setattr(
            filelock.FileLock, "acquire", mock.Mock(side_effect=NotImplementedError)
        )
    elif wrong == "relative":
        # It may exist in the current folder of this process, and not in that of another one.
        (folder / "here").mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TMPDIR", "here")
    else:
        monkeypatch.setenv("TMPDIR", str(folder / "nowhere"))
    claims = Claims(ENGINE)
    assert claims.claim(APP, "a", "App 'a'") is None
    assert claims.claim(APP, "b", "App 'b'") is not None

    with (
        pytest.raises(LifecycleError, match="set TMPDIR to a folder that this user can write"),
        claims.deleting(APP, "a", "App 'a'"),
    ):
        pass
    assert files(folder) == []


def test_program_in_the_folder_for_temporary_files_deletes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`cd /tmp; pulumi destroy` isn't the same as having no such folder."""
    monkeypatch.chdir(folder)
    with Claims(ENGINE).deleting(APP, "a", "App 'a'") as others:
        assert others == []
    assert len(files(folder)) == 1


def test_files_are_the_users_own_and_have_no_secret_name(folder: Path) -> None:
    """A name that the program calls a secret is masked in them. Nothing is there before a claim."""
    claims = Claims(ENGINE)
    assert list(folder.iterdir()) == []
    hide("very-secret-name")
    claims.claim(APP, "a", "App 'very-secret-name'")
    [file] = files(folder)
    assert "very-secret-name" not in file.read_text()
    assert APP in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_note_that_could_not_be_written_whole_is_left_out(folder: Path) -> None:
    """The next one counts again. The resource whose note it was got an error."""
    writer, reader = Claims(ENGINE), Claims(ENGINE)
    writer.claim(APP, "a", "App 'a'")
    [file] = files(folder)
    with file.open("a") as torn:
        torn.write('\n{"thing": "app:2", "ow')
    writer.claim("app:3", "a", "App 'a'")
    assert reader.others("app:2", "b") == []
    assert len(reader.others("app:3", "b")) == 1


def test_note_of_a_later_version_counts(folder: Path) -> None:
    """Two versions can serve one run, and a later one may note more."""
    first, second = Claims(ENGINE), Claims(ENGINE)
    first.claim("app:3", "a", "App 'a'")
    [file] = files(folder)
    note = {"thing": "app:2", "owner": "b", "subject": "App 'b'", "since": 1}
    with file.open("a") as later:
        later.write(f"\n{json.dumps(note)}\n")
    other = second.claim("app:2", "c", "App 'c'")
    assert other is not None
    assert other.subject == "App 'b'"


@pytest.fixture
def app_id(emulator: Emulator) -> str:
    """Return the app that every organization has."""
    return emulator.state()["apps"][0]["app_id"]


def changes(emulator: Emulator) -> dict[str, int]:
    """Return the requests that may have changed something."""
    requests = emulator.state()["requests"]
    return {route: count for route, count in requests.items() if not route.startswith("GET")}


def svc_inputs(app_id: str, **inputs: object) -> RotatingApiKeyInputs:
    """Return the inputs of a rotating key."""
    given = {"app_id": app_id, "api_key_name": "svc", "rotate_after": "30d", **inputs}
    return RotatingApiKeyInputs.model_validate(given)


def test_nothing_is_deleted_after_a_failure(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """What couldn't be created may take the place of what would be deleted. The next run may."""
    run = new_run()
    app = APPS.create(Context(run), AppInputs(app_name="search"))
    key = KEYS.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="ci"))
    svc = SVC.create(Context(run), svc_inputs(app_id))
    run = new_run()
    run.claims.note_failure("ApiKey 'b'")
    before = changes(emulator)

    deletions: list[Callable[[], None]] = [
        lambda: APPS.delete(Context(run), app),
        lambda: KEYS.delete(Context(run), key),
        lambda: SVC.delete(Context(run), svc),
    ]
    for delete in deletions:
        with pytest.raises(LifecycleError, match="ApiKey 'b' failed in this run"):
            delete()
    assert changes(emulator) == before

    SVC.delete(Context(new_run()), svc)
    APPS.delete(Context(new_run()), app)


def test_app_that_existed_before_is_no_new_one(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """The server answers a creation with the id of an app that is in the list of a moment ago."""
    emulator.add_fault("odd", method="POST", path=APPS_PATH, replace={"app_id": json.dumps(app_id)})

    with pytest.raises(LifecycleError, match="existed before, so it is left as it is") as failure:
        APPS.create(Context(new_run()), AppInputs(app_name="search"))

    assert app_id in str(failure.value)
    assert changes(emulator) == {f"POST {APPS_PATH}": 1}
    assert app_id in [app["app_id"] for app in emulator.state()["apps"]]


@pytest.mark.parametrize("claim", ["claim", "use"])
def test_app_that_another_resource_has_or_needs_is_no_new_one(
    new_run: NewRun, emulator: Emulator, claim: str
) -> None:
    """The list of a member may lack it. It isn't deleted, neither at once nor later."""
    run, claimed = new_run(), "11111111-1111-4111-8111-111111111111"
    assert getattr(run.claims, claim)(f"app:{claimed}", "o", "App 'o'") is None
    same = json.dumps(claimed)
    emulator.add_fault("odd", method="POST", path=APPS_PATH, replace={"app_id": same})

    with pytest.raises(LifecycleError, match="existed before, so it is left as it is"):
        APPS.create(Context(run), AppInputs(app_name="search"))

    assert changes(emulator) == {f"POST {APPS_PATH}": 1}


def test_key_that_the_run_has_is_no_new_one(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """Also with an answer that can't be used otherwise: the key in use isn't revoked."""
    run = new_run()
    key = KEYS.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="ci"))
    same = json.dumps(key.api_key_id)
    for odd in ({"created_at": "0"}, {}):
        emulator.add_fault(
            "odd", method="POST", path=KEYS_PATH, replace={"api_key_id": same, **odd}
        )
        with pytest.raises(LifecycleError, match="this run has it already"):
            KEYS.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="new"))
    emulator.clear_faults()

    svc = SVC.create(Context(run), svc_inputs(app_id))
    same = json.dumps(svc.api_key_id)
    emulator.add_fault("odd", method="POST", path=KEYS_PATH, replace={"api_key_id": same})
    with pytest.raises(LifecycleError, match="this run has it already"):
        SVC.update(Context(run), svc, svc_inputs(app_id, triggers=1))

    assert set(changes(emulator)) == {f"POST {KEYS_PATH}"}


def test_previous_key_belongs_to_its_resource_too(new_run: NewRun, app_id: str) -> None:
    """In the run that rotates, and in a later one. No other resource can import and revoke it."""
    run, later = new_run(), new_run()
    svc = SVC.create(Context(run), svc_inputs(app_id))
    inputs = svc_inputs(app_id, triggers=1)
    rotated = SVC.update(Context(run), svc, inputs)
    later.claims.has_program = True
    SVC.diff(Context(later), rotated, dict(inputs))

    for each in (run, later):
        with pytest.raises(HeldElsewhereError, match="belongs to another resource of this run"):
            KEYS.import_state(Context(each), f"{app_id}/{svc.api_key_id}/svc", lambda _: None)


def test_rotating_key_of_an_earlier_version_rotates(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """Its state has no owner. The previous key is its own, and the new one isn't lost."""
    svc = SVC.create(Context(new_run()), svc_inputs(app_id)).model_copy(update={"owner_id": None})
    run, inputs = new_run(), svc_inputs(app_id, triggers=1)
    run.claims.has_program = True
    SVC.diff(Context(run), svc, dict(inputs))

    rotated = SVC.update(Context(run), svc, inputs)

    held = {key.item_id for key in rotated.held}
    assert held == {key["api_key_id"] for key in emulator.state()["keys"]}
    SVC.delete(Context(run), rotated)
    assert all(key["revoked_at"] is not None for key in emulator.state()["keys"])


def test_new_key_is_revoked_again_if_another_resource_has_the_previous_one(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """The state with the new key is refused, so nobody would have it."""
    svc = SVC.create(Context(new_run()), svc_inputs(app_id))
    run = new_run()
    run.claims.hold(f"key:{svc.api_key_id}", "o", "ApiKey 'other'", shown="key")

    with pytest.raises(LifecycleError, match=r"ApiKey 'other'.* It was revoked again"):
        SVC.update(Context(run), svc, svc_inputs(app_id, triggers=1))

    first, second = emulator.state()["keys"]
    assert first["revoked_at"] is None
    assert second["revoked_at"] is not None


def test_lost_answer_says_when_and_what_must_stay(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said
) -> None:
    """A colleague may have a key of that name, and the previous key must go on."""
    run = new_run()
    svc = SVC.create(Context(run), svc_inputs(app_id))
    rotated = SVC.update(Context(run), svc, svc_inputs(app_id, triggers=1))
    emulator.add_fault("drop_after", method="POST", path=KEYS_PATH)

    latest = SVC.update(Context(run), rotated, svc_inputs(app_id, triggers=2))

    [told] = said.warnings
    assert "revoke any other" not in told
    assert "created between 20" in told
    assert "by the server's clock" in told
    for key_id in (latest.api_key_id, rotated.api_key_id, svc.api_key_id):
        assert key_id in told
    assert "Other stacks and people may have keys of that name" in told
