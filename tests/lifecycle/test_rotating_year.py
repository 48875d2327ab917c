"""A year of daily runs of one rotating key, against the emulator."""

from __future__ import annotations

import itertools
import time

from parallel_provider.lifecycle.keys import RotatingApiKeyInputs, RotatingApiKeyLifecycle
from parallel_provider.lifecycle.run import Context
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, run_at

DAY = 86_400
OVERLAP_DAYS = 2


def test_year_of_daily_runs_never_leaves_a_day_without_its_key(emulator: Emulator) -> None:
    """12 mints beyond the first, and every day's key works that day and for the overlap after."""
    lifecycle = RotatingApiKeyLifecycle()
    clock = Clock(time.time())
    first_run = run_at(emulator.url, emulator.access_token, clock=clock)
    inputs = RotatingApiKeyInputs(
        app_id=first_run.api.create_app("search"),
        api_key_name="svc",
        rotate_after="30d",
        overlap=f"{OVERLAP_DAYS}d",
    )
    state = lifecycle.create(Context(first_run), inputs)
    current_on: list[str] = []
    for day in range(1, 366):
        emulator.set_clock(day * DAY)
        clock.now = time.time() + day * DAY
        run = run_at(emulator.url, emulator.access_token, clock=clock)
        if lifecycle.diff(Context(run), state, dict(inputs)).changed:
            state = lifecycle.update(Context(run), state, inputs)
        current_on.append(state.api_key_id)
        alive = {key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None}
        assert set(current_on[-OVERLAP_DAYS:]) <= alive
        assert len(alive) <= 2

    minted = emulator.state()["keys"]
    revoked = [key for key in minted if key["revoked_at"] is not None]
    assert (len(minted), len(revoked)) == (13, 12)
    for retired, successor in itertools.pairwise(minted):
        assert retired["revoked_at"] is not None
        assert retired["revoked_at"] >= successor["created_at"] + OVERLAP_DAYS * DAY
