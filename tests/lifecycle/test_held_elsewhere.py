"""What a run may delete: nothing that it has elsewhere, and nothing after a failed creation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.lifecycle.keys import (
    ApiKeyInputs,
    ApiKeyLifecycle,
    RotatingApiKeyInputs,
    RotatingApiKeyLifecycle,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said

APPS = "/service/v1/apps"
KEYS = "/service/v1/apps/{app_id}/keys"
APP, KEY, SVC = AppLifecycle(), ApiKeyLifecycle(), RotatingApiKeyLifecycle()
NewRun = Callable[[], Run]


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


def test_nothing_is_deleted_after_a_failed_creation(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """What couldn't be created may take the place of what would be deleted. The next run may."""
    run = new_run()
    app = APP.create(Context(run), AppInputs(app_name="search"))
    key = KEY.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="ci"))
    svc = SVC.create(Context(run), svc_inputs(app_id))
    run = new_run()
    run.claims.note_failed_creation("ApiKey 'b'")
    before = changes(emulator)

    deletions: list[Callable[[], None]] = [
        lambda: APP.delete(Context(run), app),
        lambda: KEY.delete(Context(run), key),
        lambda: SVC.delete(Context(run), svc),
    ]
    for delete in deletions:
        with pytest.raises(LifecycleError, match="creating ApiKey 'b' failed in this run"):
            delete()
    assert changes(emulator) == before

    SVC.delete(Context(new_run()), svc)
    APP.delete(Context(new_run()), app)


def test_app_that_existed_before_is_no_new_one(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """The server answers a creation with the id of an app that is in the list of a moment ago."""
    emulator.add_fault("odd", method="POST", path=APPS, replace={"app_id": json.dumps(app_id)})

    with pytest.raises(LifecycleError, match="existed before, so it is left as it is") as failure:
        APP.create(Context(new_run()), AppInputs(app_name="search"))

    assert app_id in str(failure.value)
    assert changes(emulator) == {f"POST {APPS}": 1}
    assert app_id in [app["app_id"] for app in emulator.state()["apps"]]


def test_key_that_the_run_has_is_no_new_one(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """Also with an answer that can't be used otherwise: the key in use isn't revoked."""
    run = new_run()
    key = KEY.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="ci"))
    same = json.dumps(key.api_key_id)
    for odd in ({"created_at": "0"}, {}):
        emulator.add_fault("odd", method="POST", path=KEYS, replace={"api_key_id": same, **odd})
        with pytest.raises(LifecycleError, match="this run has it already"):
            KEY.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="new"))
    emulator.clear_faults()

    svc = SVC.create(Context(run), svc_inputs(app_id))
    same = json.dumps(svc.api_key_id)
    emulator.add_fault("odd", method="POST", path=KEYS, replace={"api_key_id": same})
    with pytest.raises(LifecycleError, match="this run has it already"):
        SVC.update(Context(run), svc, svc_inputs(app_id, triggers=1))

    assert set(changes(emulator)) == {f"POST {KEYS}"}


def test_lost_answer_says_when_and_what_must_stay(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said
) -> None:
    """A colleague may have a key of that name, and the previous key must go on."""
    run = new_run()
    svc = SVC.create(Context(run), svc_inputs(app_id))
    rotated = SVC.update(Context(run), svc, svc_inputs(app_id, triggers=1))
    emulator.add_fault("drop_after", method="POST", path=KEYS)

    latest = SVC.update(Context(run), rotated, svc_inputs(app_id, triggers=2))

    [told] = said.warnings
    assert "revoke any other" not in told
    assert "created between 20" in told
    assert "by the server's clock" in told
    for key_id in (latest.api_key_id, rotated.api_key_id, svc.api_key_id):
        assert key_id in told
    assert "Other stacks and people may have keys of that name" in told


def test_nothing_is_deleted_without_a_folder_for_claims(
    new_run: NewRun,
    emulator: Emulator,
    app_id: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Other processes may have what would be deleted. Creations are possible."""
    run = new_run()
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    run.claims = Claims("127.0.0.1:4711")
    app = APP.create(Context(run), AppInputs(app_name="search"))
    key = KEY.create(Context(run), ApiKeyInputs(app_id=app_id, api_key_name="ci"))

    deletions: list[Callable[[], None]] = [
        lambda: APP.delete(Context(run), app),
        lambda: KEY.delete(Context(run), key),
    ]
    for delete in deletions:
        with pytest.raises(LifecycleError, match="set TMPDIR to a folder"):
            delete()

    assert set(changes(emulator)) == {f"POST {APPS}", f"POST {KEYS}"}
