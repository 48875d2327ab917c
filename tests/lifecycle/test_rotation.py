"""Rotating keys: their durations, what is due when, and many keys that are to be revoked."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pydantic import SecretStr

from parallel_provider.api import RetryPolicy
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.declare import UNKNOWN, Duration, format_duration
from parallel_provider.lifecycle.keys import (
    Plan,
    RetiredKey,
    RotatingApiKeyInputs,
    RotatingApiKeyLifecycle,
    RotatingApiKeyState,
    certain_time,
    generation_name,
    plan_at,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.shown_once import fingerprint
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, Said, api_at

DAY = 86_400
LIFECYCLE = RotatingApiKeyLifecycle()
OLD = RetiredKey(api_key_id="id-1", api_key_name="svc", retired_at=100 * DAY)
STATE = RotatingApiKeyState(
    api_key_id="id-2",
    api_key_name="svc-2",
    app_id="11111111-1111-4111-8111-111111111111",
    app_name="app",
    org_id="org",
    created_by_user_id="user",
    created_by_user_email="user@example.com",
    display_value="...",
    created_at=100 * DAY,
    raw_api_key_fingerprint="",
    triggers=1,
    generation=2,
    rotate_after=Duration("30d"),
    overlap=Duration("1d"),
    next_rotation_at=130 * DAY,
    keys_to_revoke=(OLD,),
)


def inputs_with(**given: object) -> dict[str, Any]:
    """Return the inputs of STATE, with these changes. Texts are durations."""
    durations = {n: Duration(v) if isinstance(v, str) else v for n, v in given.items()}
    return {"rotate_after": Duration("30d"), "overlap": UNKNOWN, "triggers": 1, **durations}


HOUR = 3_600
DURATIONS = {
    "90d": 90 * DAY,
    "12h": 12 * HOUR,
    "30m": 1_800,
    "45s": 45,
    "0s": 0,
    "1d12h": 36 * HOUR,
    "2w": 14 * DAY,
    "P2W": 14 * DAY,
    "P30D": 30 * DAY,
    "P1DT12H": 36 * HOUR,
    "PT30M": 1_800,
}
AMBIGUOUS = ["", "d", "90", "-1d", "1.5d", "12h1d", "P", "PT", "P1M", "P1Y", "1 d", "٣d", "1d "]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_duration_is_read_in_each_notation(text: str, seconds: int) -> None:
    """Each unit, combinations, and ISO 8601. It stays the text that the user has written."""
    duration = Duration(text)

    assert (duration, duration.seconds) == (text, seconds)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, "must be a duration such as") for text in (*AMBIGUOUS, "1D")),
        ("9" * 30 + "d", "less than a thousand years"),
    ],
)
def test_other_text_is_no_duration(text: str, reason: str) -> None:
    """Months, fractions, other orders and other scripts aren't guessed at."""
    with pytest.raises(ValueError, match=reason):
        Duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59, "59s"), (3_660, "1h 1m"), (91 * DAY + 4 * 3_600 + 5, "91d 4h"), (-5, "0s")],
)
def test_duration_is_written_for_people(seconds: float, text: str) -> None:
    """The two largest units are enough."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize("overlap", [UNKNOWN, "0s"])
@pytest.mark.parametrize(
    ("now", "given", "cause"),
    [
        (130 * DAY - 1, {}, None),
        (130 * DAY, {}, "age"),
        (130 * DAY, {"rotate_after": UNKNOWN}, None),
        (101 * DAY, {"triggers": 2}, "triggers"),
        (101 * DAY, {"triggers": UNKNOWN}, "triggers"),
        (131 * DAY, {"triggers": 2}, "triggers"),
        (None, {}, None),
        (None, {"triggers": 2}, "triggers"),
    ],
)
def test_rotation_is_due_by_age_or_by_trigger(
    now: float | None, given: dict[str, object], cause: str | None, overlap: object
) -> None:
    """From the very second on; a trigger is the better reason where both are there."""
    assert plan_at(now, STATE, inputs_with(overlap=overlap, **given)).rotate_because == cause


@pytest.mark.parametrize(
    ("overlap", "now", "is_due"),
    [
        ("1d", 101 * DAY - 1, False),
        ("1d", 101 * DAY, True),
        ("0s", 100 * DAY, True),
        ("0s", 99 * DAY, True),
        ("0s", None, True),
        ("1d", None, False),
        (UNKNOWN, 1e12, False),
    ],
)
def test_retired_key_is_revoked_after_its_overlap(
    overlap: object, now: float | None, *, is_due: bool
) -> None:
    """From the very second on; not while the time or the overlap isn't known.

    Without an overlap, it is revoked whatever the time is.
    """
    due = plan_at(now, STATE, inputs_with(overlap=overlap, rotate_after=UNKNOWN))

    assert due == Plan(None, (OLD,) if is_due else ())


@pytest.mark.parametrize(
    ("here", "at_server", "certain"),
    [(100.0, 200.0, 100.0), (200.0, 100.0, 100.0), (200.0, None, None)],
)
def test_time_has_come_only_by_both_clocks(
    here: float, at_server: float | None, certain: float | None
) -> None:
    """The earlier of the two counts, and none without the server's."""
    assert certain_time(here, at_server) == certain


@pytest.mark.parametrize(
    ("command", "delivered", "left"),
    [
        (["store"], (), (SecretStr(""), SecretStr("old"))),
        (["store"], (fingerprint(SecretStr("old")),), (SecretStr(""), None)),
        (None, (), (SecretStr("new"), SecretStr("old"))),
    ],
)
def test_only_delivered_raw_keys_leave_the_state(
    command: object, delivered: tuple[str, ...], left: tuple[SecretStr | None, SecretStr | None]
) -> None:
    """The current key is delivered first. Nobody else has a previous one that never was."""
    new, old = SecretStr("new"), SecretStr("old")
    raw_keys = {"raw_api_key": new, "raw_api_key_fingerprint": fingerprint(new)}
    state = STATE.model_copy(
        update={**raw_keys, "previous_raw_api_key": old, "delivered": delivered}
    )

    after = state.after_delivery({"keep_raw_api_key": False, "deliver_command": command})

    assert (after.raw_api_key, after.previous_raw_api_key) == left


def test_rotation_knows_who_has_created_the_keys_that_are_left() -> None:
    """A later 404 for one of them proves that it is revoked, if its creator gets it."""
    state = STATE.model_copy(update={"creators": {"id-1": "a", "id-2": "b", "revoked": "c"}})

    rotated = state.rotated_to({"api_key_id": "id-3", "creators": {"id-3": "d"}})

    assert rotated.creators == {"id-1": "a", "id-2": "b", "id-3": "d"}


def test_each_generation_has_a_name_of_its_own() -> None:
    """The first has the plain name."""
    assert [generation_name("svc", n) for n in (1, 2, 12)] == ["svc", "svc-2", "svc-12"]


KEY = "/service/v1/apps/{app_id}/keys/{api_key_id}"
SECONDS = 2.0
OVERDUE = 12


@pytest.fixture
def run(emulator: Emulator, said: Said) -> Run:
    """Return a run whose calls may take two seconds."""
    retry_policy = RetryPolicy(attempts=2, deadline_seconds=SECONDS, first_wait_seconds=0.0)
    api = api_at(emulator.url, emulator.access_token, retry_policy)
    return Run(api, said, clock=Clock(time.time()))


@pytest.fixture
def inputs(emulator: Emulator) -> RotatingApiKeyInputs:
    """Return what the program says: an overlap that none of the overdue keys is in any more."""
    app_id = emulator.state()["apps"][0]["app_id"]
    given = {"app_id": app_id, "api_key_name": "svc", "rotate_after": "30d", "overlap": "1h"}
    return RotatingApiKeyInputs.model_validate(given)


@pytest.fixture
def state(run: Run, inputs: RotatingApiKeyInputs) -> RotatingApiKeyState:
    """Return a state with many keys that are overdue."""
    state = LIFECYCLE.create(Context(run), inputs)
    created = [run.api.create_key(inputs.app_id, f"old-{number}") for number in range(OVERDUE)]
    overdue = tuple(
        RetiredKey(
            api_key_id=key.api_key_id,
            api_key_name=key.api_key_name,
            retired_at=key.created_at - DAY,
        )
        for key in created
    )
    return state.model_copy(update={"keys_to_revoke": overdue})


def test_overdue_keys_are_all_revoked(
    run: Run, emulator: Emulator, inputs: RotatingApiKeyInputs, state: RotatingApiKeyState
) -> None:
    """The list is empty afterwards, and the current key works. Few connections were needed."""
    updated = LIFECYCLE.update(Context(run), state, inputs)

    assert updated.keys_to_revoke == ()
    alive = [key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None]
    assert alive == [state.api_key_id]
    assert len({entry["client_port"] for entry in emulator.state()["log"]}) <= 9


def test_hanging_revocations_hold_up_a_new_key_no_longer_than_one_call(
    run: Run,
    emulator: Emulator,
    inputs: RotatingApiKeyInputs,
    state: RotatingApiKeyState,
    said: Said,
) -> None:
    """What didn't finish stays on the list, each with a warning, and the rotation counts."""
    emulator.add_fault("hang", method="DELETE", path=KEY, times=100)
    began = time.monotonic()

    leaked = inputs.model_copy(update={"triggers": "leaked"})
    updated = LIFECYCLE.update(Context(run), state, leaked)

    assert time.monotonic() - began < 2 * SECONDS
    assert updated.generation == 2
    assert updated.keys_to_revoke == state.keys_to_revoke
    assert len([text for text in said.warnings if "couldn't be revoked" in text]) == OVERDUE
    run.revocation_threads.shutdown()


def test_hanging_delete_takes_no_longer_than_one_call_and_names_every_key(
    run: Run, emulator: Emulator, state: RotatingApiKeyState
) -> None:
    """Destroying a resource that holds many keys is an error within the time of one call."""
    emulator.add_fault("hang", method="DELETE", path=KEY, times=100)
    began = time.monotonic()

    with pytest.raises(LifecycleError, match=f"{OVERDUE + 1} of its keys") as failure:
        LIFECYCLE.delete(Context(run), state)

    assert time.monotonic() - began < 2 * SECONDS
    for key in state.held:
        assert key.item_id in str(failure.value)
    run.revocation_threads.shutdown()
