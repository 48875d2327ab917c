"""One key: lost and odd answers, times that aren't believed, and its revocation."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.keys import (
    ApiKeyInputs,
    ApiKeyLifecycle,
    ApiKeyState,
    RotatingApiKeyInputs,
    RotatingApiKeyLifecycle,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.shown_once import believed_time
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, Said, run_at

LIFECYCLE, SVC = ApiKeyLifecycle(), RotatingApiKeyLifecycle()
KEYS = "/service/v1/apps/{app_id}/keys"
NO_SUCH_APP = "00000000-0000-4000-8000-000000000000"
NewRun = Callable[[], Run]


def create_key(run: Run, app_id: str, api_key_name: str) -> ApiKeyState:
    """Create a key in a run of its own."""
    inputs = ApiKeyInputs(app_id=app_id, api_key_name=api_key_name)
    return LIFECYCLE.create(Context(run), inputs)


@pytest.fixture
def app_id(emulator: Emulator) -> str:
    """Return the app that every organization has."""
    return emulator.state()["apps"][0]["app_id"]


@pytest.mark.parametrize(
    "odd",
    [
        {"app_id": json.dumps(NO_SUCH_APP)},
        {"app_name": '"half a pair: \\ud800"'},
        {"display_value": '"\\udfff"'},
        {"raw_api_key": '"hush-hush \\ud800"'},
        {"created_at": "1" + "0" * 400},
        {"created_at": "NaN"},
        {"created_at": "-1"},
        {"created_at": "1796083140000"},
    ],
)
def test_key_whose_answer_is_odd_is_revoked_again(
    new_run: NewRun, emulator: Emulator, app_id: str, odd: dict[str, str]
) -> None:
    """What can't be kept is refused at once; the error names the key and holds no secret."""
    emulator.add_fault("odd", path=KEYS, replace=odd)

    with pytest.raises(LifecycleError, match="It was revoked again") as failure:
        create_key(new_run(), app_id, "ci")

    [key] = emulator.state()["keys"]
    assert key["revoked_at"] is not None
    assert f"the key 'ci' ({key['api_key_id']}) of app {app_id} can't be used" in str(failure.value)
    assert "hush-hush" not in str(failure.value)


def test_key_of_which_no_state_can_be_made_is_revoked_again(
    new_run: NewRun, emulator: Emulator, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is that fails after the answer."""
    run = new_run()

    def fail() -> None:
        if emulator.state()["keys"]:
            raise RuntimeError

    monkeypatch.setattr(run.api, "person", fail)

    with pytest.raises(LifecycleError, match="be kept in the state: "):
        create_key(run, app_id, "ci")

    [key] = emulator.state()["keys"]
    assert key["revoked_at"] is not None


@pytest.mark.parametrize(
    ("stated", "answered_at", "here", "believed"),
    [
        (1_000_000, 1_000_300.0, 0.0, 1_000_000),
        (1_000_000, 999_700.0, 0.0, 1_000_000),
        (1_000_000, 1_000_301.0, 0.0, 1_000_301),
        (1_000_000, 999_699.0, 0.0, 1_000_000),
        (1_000_000, None, 1_000_301.5, 1_000_301),
        (1_000_000, None, 1_000_299.5, 1_000_000),
        (0, 253_402_300_799.0, 0.0, 32_503_680_000),
    ],
)
def test_later_of_two_different_times_is_believed(
    stated: int, answered_at: float | None, here: float, believed: int
) -> None:
    """Five minutes are no difference. This machine's clock counts for an answer without a date."""
    assert believed_time(stated, answered_at, here) == believed


def test_date_of_the_answer_counts_for_a_wrong_creation_time(
    emulator: Emulator, app_id: str, said: Said
) -> None:
    """It is the date of the very answer that has the key."""
    clock = Clock(2_000_000_000.0)
    run = run_at(emulator.url, emulator.access_token, said=said, clock=clock)
    emulator.add_fault("odd", path=KEYS, replace={"created_at": "1500000000"})
    emulator.set_clock(0)
    run.api.list_apps()
    emulator.set_clock(86_400)

    key = create_key(run, app_id, "ci")

    [created] = emulator.state()["keys"]
    assert abs(key.created_at - created["created_at"]) <= 1
    [warning] = said.warnings
    assert "'ci' was created at another time" in warning


def test_answer_with_an_error_tells_the_time_too(new_run: NewRun, emulator: Emulator) -> None:
    """A person who may not list the apps can rotate a key."""
    emulator.add_fault("status", method="GET", path="/service/v1/apps", status=403)

    at_server = new_run().server_time()

    assert at_server is not None
    assert abs(at_server - time.time()) < 60


def test_key_whose_id_is_odd_is_named_by_its_name(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said
) -> None:
    """An id that can't be sent names nothing: a second key is made, and the warning says so."""
    emulator.add_fault("odd", path=KEYS, replace={"api_key_id": '".."'})

    key = create_key(new_run(), app_id, "ci")

    [before] = said.infos
    assert f"a key named 'ci' that nobody holds may exist in app {app_id}" in before
    [warning] = said.warnings
    assert f"and isn't {key.api_key_id}. Other stacks" in warning


@pytest.mark.parametrize("here", [-86_400, 86_400])
def test_age_of_an_imported_key_counts_from_the_later_of_two_clocks(
    emulator: Emulator, app_id: str, here: int
) -> None:
    """One wrong clock alone rotates nothing early."""
    now = int(time.time())
    run = run_at(emulator.url, emulator.access_token, clock=Clock(now + here))

    state = SVC.import_state(Context(run), f"{app_id}/id/svc", lambda _: None)

    assert 0 <= state.created_at - max(now, now + here) < 60


def test_key_without_a_raw_key_is_left_to_the_resource_that_has_it_now(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said
) -> None:
    """No raw key is lost with a state that has none: it was delivered, or was never there."""
    run = new_run()
    imported = LIFECYCLE.import_state(Context(run), f"{app_id}/id/ci", lambda _: None)
    assert imported.raw_api_key == SecretStr("")
    run.claims.release("key:id", imported.owner)
    run.claims.hold("key:id", "o", "ApiKey 'other'", shown="key 'ci'")

    LIFECYCLE.delete(Context(run), imported)

    assert (
        said.warnings[-1] == "The key 'ci' (id) isn't revoked: this run has it in ApiKey 'other'."
    )
    assert not any(request.startswith("DELETE") for request in emulator.state()["requests"])


@pytest.mark.parametrize("is_delivered", [True, False])
def test_raw_key_of_the_state_is_lost_to_nobody_once_it_is_delivered(
    new_run: NewRun, emulator: Emulator, app_id: str, *, is_delivered: bool
) -> None:
    """The resource that has the key now doesn't have its raw key."""
    key = create_key(new_run(), app_id, "ci")
    if is_delivered:
        key = key.model_copy(update={"delivered": (key.raw_api_key_fingerprint,)})
    run = new_run()
    run.claims.hold(f"key:{key.api_key_id}", "o", "ApiKey 'other'", shown="key 'ci'")

    if is_delivered:
        LIFECYCLE.delete(Context(run), key)
    else:
        with pytest.raises(LifecycleError, match="with this resource it would be lost"):
            LIFECYCLE.delete(Context(run), key)

    assert [each["revoked_at"] for each in emulator.state()["keys"]] == [None]


def test_rotation_whose_state_was_not_saved_is_named_by_the_next_one(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said
) -> None:
    """If Pulumi itself is killed, the plugin goes on to the end, and nobody gets the new key."""

    def inputs(triggers: int) -> RotatingApiKeyInputs:
        given = {"app_id": app_id, "api_key_name": "svc", "rotate_after": "30d"}
        return RotatingApiKeyInputs.model_validate({**given, "triggers": triggers})

    first = SVC.create(Context(new_run()), inputs(0))
    SVC.update(Context(new_run()), first, inputs(1))
    assert said.warnings == []

    second = SVC.update(Context(new_run()), first, inputs(1))
    [told] = said.warnings
    assert "An earlier run was interrupted while it created 'svc-2'" in told
    assert second.api_key_id in told

    # This result was saved. A rotation that fails says itself what is left.
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    with pytest.raises(ParallelError):
        SVC.update(Context(new_run()), second, inputs(2))
    third = SVC.update(Context(new_run()), second, inputs(2))
    SVC.update(Context(new_run()), third, inputs(3))
    assert said.warnings == [told]
