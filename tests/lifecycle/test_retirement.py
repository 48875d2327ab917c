"""Many keys that are due to be revoked: side by side, and in bounded time."""

from __future__ import annotations

import time

import pytest

from parallel_provider.api import CreatedApiKey, RetryPolicy
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.keys import (
    RetiredKey,
    RotatingApiKeyInputs,
    RotatingApiKeyLifecycle,
    RotatingApiKeyState,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, Said, api_at

LIFECYCLE = RotatingApiKeyLifecycle()
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
    return RotatingApiKeyInputs(
        app_id=emulator.state()["apps"][0]["app_id"],
        api_key_name="svc",
        rotate_after="30d",
        overlap="1h",
    )


@pytest.fixture
def state(run: Run, inputs: RotatingApiKeyInputs) -> RotatingApiKeyState:
    """Return a state with many keys that are overdue."""
    state = LIFECYCLE.create(Context(run), inputs)

    def overdue(key: CreatedApiKey) -> RetiredKey:
        return RetiredKey(
            api_key_id=key.api_key_id,
            api_key_name=key.api_key_name,
            retired_at=key.created_at - 86_400,
        )

    keys = tuple(overdue(run.api.create_key(inputs.app_id, f"old-{n}")) for n in range(OVERDUE))
    return state.model_copy(update={"keys_to_revoke": keys})


def alive(emulator: Emulator) -> set[str]:
    """Return the ids of the keys that work."""
    return {key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None}


def test_overdue_keys_are_all_revoked(
    run: Run, emulator: Emulator, inputs: RotatingApiKeyInputs, state: RotatingApiKeyState
) -> None:
    """The list is empty afterwards, and the current key works."""
    updated = LIFECYCLE.update(Context(run), state, inputs)

    assert updated.keys_to_revoke == ()
    assert alive(emulator) == {state.api_key_id}


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

    updated = LIFECYCLE.update(
        Context(run), state, inputs.model_copy(update={"triggers": "leaked"})
    )

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
    for key in (state.api_key_id, *(key.api_key_id for key in state.keys_to_revoke)):
        assert key in str(failure.value)
    run.revocation_threads.shutdown()


def test_revocations_use_few_connections(
    run: Run, emulator: Emulator, inputs: RotatingApiKeyInputs, state: RotatingApiKeyState
) -> None:
    """Each thread keeps a connection, so that the threads serve the whole run."""
    for _ in range(3):
        LIFECYCLE.update(Context(run), state, inputs)

    ports = {entry["client_port"] for entry in emulator.state()["log"]}
    assert len(ports) <= 9
