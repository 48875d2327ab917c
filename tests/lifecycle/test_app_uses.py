"""AppUses: an app is deleted with the last resource that manages it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from parallel_provider.api import PermissionDeniedError
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle, AppState
from parallel_provider.lifecycle.app_uses import AppUses
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said, api_at, run_at

LIFECYCLE = AppLifecycle()
ONE_APP = "/service/v1/apps/{app_id}"
NewRun = Callable[[], Run]


@pytest.fixture
def prod(emulator: Emulator) -> AppState:
    """Return what the resource that created an app has in the state."""
    app_id = api_at(emulator.url, emulator.access_token).create_app("prod")
    org = emulator.state()["org"]
    return AppState(app_id=app_id, app_name="prod", org_id=org["org_id"], org_name=org["org_name"])


def adopt(run: Run, prod: AppState) -> AppState:
    """Take the app over, as the engine does it: with a check first."""
    news = {"app_name": "prod", "existing_app_id": prod.app_id}
    assert LIFECYCLE.check(Context(run), {}, news).problems == []
    return LIFECYCLE.create(Context(run), AppInputs(app_name="prod", existing_app_id=prod.app_id))


def is_there(emulator: Emulator, app: AppState) -> bool:
    """Say whether the server has an app."""
    return app.app_id in [there["app_id"] for there in emulator.state()["apps"]]


def test_app_goes_with_its_last_manager() -> None:
    """In whichever order they are deleted."""
    for first, second in ((None, "x"), ("x", None), ("x", "y")):
        uses = AppUses()
        assert uses.manages("1", first)
        assert not uses.manages("1", second)
        assert uses.begin_deletion("1", "prod", first) is not None
        assert uses.begin_deletion("1", "prod", second) is None


def test_resource_itself_is_no_reason_to_keep_its_app() -> None:
    """A refresh has noted it, before it is deleted or replaced by a resource with another app."""
    uses = AppUses()
    uses.manages("1", "x")
    uses.manages("1", "x")
    assert uses.take("2", None) is None

    assert uses.begin_deletion("1", "prod", "x") is None


def test_app_is_given_to_one_new_resource_only() -> None:
    """Two resources of one program can't be the same app, whatever their threads do."""
    uses = AppUses()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: uses.take("1", str(n)), range(8)))

    assert answers.count(None) == 1
    assert uses.take("2", None) is None


def test_wanted_app_is_kept_until_it_is_taken_over() -> None:
    """By its id or its name; what is wanted and got keeps nothing any more."""
    for wanted in ("1", "prod"):
        uses = AppUses()
        uses.wants(wanted)
        assert uses.begin_deletion("1", "prod", None) is not None
        assert uses.begin_deletion("2", "other", None) is None
        uses.got(wanted)
        assert uses.begin_deletion("1", "prod", None) is None
    uses.got("prod")
    uses.wants("prod")
    assert uses.begin_deletion("3", "prod", None) is not None


def test_app_that_is_being_deleted_cannot_be_taken_over(
    emulator: Emulator, prod: AppState, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the new resource would have an app that is gone a moment later."""
    run = new_run()
    run.apps.load()
    begun, go_on = threading.Event(), threading.Event()
    delete_app = run.api.delete_app

    def delete(app_id: str) -> None:
        begun.set()
        assert go_on.wait(30)
        delete_app(app_id)

    monkeypatch.setattr(run.api, "delete_app", delete)
    with ThreadPoolExecutor(1) as threads:
        deleting = threads.submit(LIFECYCLE.delete, Context(run), prod)
        assert begun.wait(30)
        with pytest.raises(LifecycleError, match="just being deleted by another resource"):
            LIFECYCLE.create(Context(run), AppInputs(app_name="prod", existing_app_id=prod.app_id))
        go_on.set()
        deleting.result()

    assert not is_there(emulator, prod)


def test_app_can_be_taken_over_after_its_deletion_failed(
    emulator: Emulator, prod: AppState, new_run: NewRun
) -> None:
    """It is still there."""
    run = new_run()
    emulator.add_fault("status", method="DELETE", path=ONE_APP, status=403)
    with pytest.raises(PermissionDeniedError):
        LIFECYCLE.delete(Context(run), prod)

    assert adopt(run, prod).app_id == prod.app_id


def test_each_adoption_is_told_from_the_others(
    emulator: Emulator, prod: AppState, new_run: NewRun, said: Said
) -> None:
    """The app survives two deletions in three runs, and a refresh keeps them apart."""
    first = adopt(new_run(), prod)
    second = adopt(new_run(), prod)
    assert len({prod.adoption_id, first.adoption_id, second.adoption_id}) == 3
    for state in (prod, first, second):
        read = LIFECYCLE.read(Context(new_run()), state)
        assert read is not None
        assert read.adoption_id == state.adoption_id

    for leaving in (prod, first):
        run = new_run()
        LIFECYCLE.diff(Context(run), second, {"app_name": "prod"})
        LIFECYCLE.delete(Context(run), leaving)
        assert is_there(emulator, prod)
    assert len([told for told in said.warnings if "isn't deleted at the server" in told]) == 2

    LIFECYCLE.delete(Context(new_run()), second)
    assert not is_there(emulator, prod)


def test_app_deleted_twice_in_one_run_is_deleted_once(
    emulator: Emulator, prod: AppState, new_run: NewRun
) -> None:
    """Destroy asks for no diff, so the first resource takes the app with it."""
    first = adopt(new_run(), prod)
    run = new_run()

    LIFECYCLE.delete(Context(run), prod)
    LIFECYCLE.delete(Context(run), first)

    assert emulator.state()["requests"][f"DELETE {ONE_APP}"] == 1
    assert not is_there(emulator, prod)


def test_plain_replacement_of_a_resource_that_was_compared_deletes_its_app(
    emulator: Emulator, prod: AppState, new_run: NewRun
) -> None:
    """The engine may replace what the provider found unchanged: by a replacement trigger, say."""
    run = new_run()
    LIFECYCLE.diff(Context(run), prod, {"app_name": "prod"})
    new = LIFECYCLE.create(Context(run), AppInputs(app_name="prod"))

    LIFECYCLE.delete(Context(run), prod)

    assert is_there(emulator, new)
    assert not is_there(emulator, prod)


def test_state_without_an_adoption_is_that_of_the_creator() -> None:
    """Earlier versions wrote none, and plain apps have none."""
    run = run_at()
    state = AppState(app_id="1", app_name="prod", org_id="o", org_name="O")

    LIFECYCLE.diff(Context(run), state, {"app_name": "prod"})

    assert run.apps.uses.begin_deletion("1", "prod", None) is None
