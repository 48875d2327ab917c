"""The server's clock decides about a rotating key, and never only this machine's clock."""

from __future__ import annotations

import itertools
import re

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.clock import DAY, Clock
from tests.scenarios.story import (
    CREATE_KEY,
    DELETE_KEY,
    calls,
    declare,
    live_keys,
    warnings,
)

HOUR = 3_600
PROGRAM = """
app = parallel.App("search")
key = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="{rotate_after}",
                              overlap="{overlap}", triggers={triggers})
"""


@pytest.fixture
def clock(project: Project, emulator: Emulator) -> Clock:
    """Return the clock of the scenario."""
    return Clock(project, emulator)


def program(
    project: Project, overlap: str = "1h", triggers: int = 0, rotate_after: str = "30d"
) -> None:
    """Write the program."""
    source = PROGRAM.format(rotate_after=rotate_after, overlap=overlap, triggers=triggers)
    declare(project, source)


def alive(emulator: Emulator) -> list[str]:
    """Return the names of the keys that work."""
    return [key["api_key_name"] for key in live_keys(emulator)]


@pytest.mark.parametrize("ahead_seconds", [2 * HOUR, 400 * DAY])
def test_clock_that_is_ahead_never_revokes_in_the_run_that_rotates(
    project: Project, emulator: Emulator, clock: Clock, ahead_seconds: float
) -> None:
    """By the server's clock, the hour of overlap hasn't passed. Later runs use that clock too."""
    program(project)
    project.up()
    clock.wrong_here(ahead_seconds=ahead_seconds)
    program(project, triggers=1)
    assert changes(project.up()) == {"same": 2, "update": 1}
    assert alive(emulator) == ["svc", "svc-2"]

    again = project.up()

    assert alive(emulator) == ["svc", "svc-2"]
    [warning] = warnings(again.stdout)
    difference = "400d" if ahead_seconds > DAY else "2h|1h 59m"
    assert re.search(rf"this machine's clock is ({difference})( \d+s)? ahead of", warning)
    clock.forward(seconds=HOUR)
    project.up()
    assert alive(emulator) == ["svc-2"]


def test_clock_a_year_ahead_rotates_by_the_servers_time(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """If nothing is due by the server's clock, the run changes nothing and succeeds."""
    program(project)
    project.up()
    before = project.resource("svc")["outputs"]
    clock.wrong_here(ahead_seconds=365 * DAY)

    with calls(emulator) as made:
        for _ in range(2):
            result = project.up()
            assert len(warnings(result.stdout)) == 1

    assert made[CREATE_KEY] == made[DELETE_KEY] == 0
    assert project.resource("svc")["outputs"] == before
    clock.forward(days=30)
    project.up()
    assert alive(emulator) == ["svc", "svc-2"]


def test_run_with_nothing_due_by_the_servers_time_keeps_what_was_changed(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """Changed durations are still written to the state."""
    program(project)
    project.up()
    clock.wrong_here(ahead_seconds=365 * DAY)
    program(project, rotate_after="60d", overlap="2h")

    project.up()

    outputs = project.resource("svc")["outputs"]
    assert (outputs["rotate_after"], outputs["overlap"]) == ("60d", "2h")
    assert outputs["next_rotation_at"] == outputs["created_at"] + 60 * DAY
    assert alive(emulator) == ["svc"]


def test_clock_that_is_behind_revokes_late_and_never_early(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """A due revocation is noticed only when this machine's clock reaches that time too."""
    program(project)
    project.up()
    clock.wrong_here(ahead_seconds=-2 * HOUR)
    program(project, triggers=1)
    project.up()
    clock.forward(seconds=2 * HOUR)
    assert changes(project.up()) == {"same": 3}
    assert alive(emulator) == ["svc", "svc-2"]
    clock.forward(seconds=HOUR)
    project.up()
    assert alive(emulator) == ["svc-2"]


def test_overlap_of_nothing_revokes_at_once_whatever_the_clocks_say(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """A leaked key is revoked in the run that retires it."""
    program(project, overlap="0s")
    project.up()
    clock.wrong_here(ahead_seconds=-2 * HOUR)
    program(project, overlap="0s", triggers=1)
    project.up()
    assert alive(emulator) == ["svc-2"]


def test_answers_without_a_date_revoke_nothing_because_of_an_overlap(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """A warning says so. A later run that knows the time revokes the key."""
    program(project)
    project.up()
    program(project, triggers=1)
    project.up()
    clock.forward(seconds=HOUR)
    listed = [
        {"app_id": app["app_id"], "app_name": "x", "org_id": emulator.org_id, "org_name": "Org"}
        for app in emulator.state()["apps"]
    ]
    emulator.add_fault(
        "garbage",
        method="GET",
        path="/service/v1/apps",
        body={"apps": listed},
        headers={"Date": "never"},
    )

    with calls(emulator) as made:
        result = project.up()

    assert made[DELETE_KEY] == 0
    assert alive(emulator) == ["svc", "svc-2"]
    [warning] = warnings(result.stdout)
    assert "nothing was revoked" in warning
    assert "'svc'" in warning
    project.up()
    assert alive(emulator) == ["svc-2"]


@pytest.mark.slow
def test_year_of_monthly_rotations_leaves_one_key_and_no_gap(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """12 rotations and 12 revocations: each key works until the overlap after its rotation ends."""
    program(project, overlap="2d")
    project.up()
    clock.forward(days=30)
    for _ in range(12):
        for days in (2, 28):
            assert changes(project.up()) == {"same": 2, "update": 1}
            clock.forward(days=days)
    clock.forward(days=-28)
    minted = [key for key in emulator.state()["keys"] if key["api_key_name"].startswith("svc")]
    assert len(minted) == 13
    assert [key["revoked_at"] is None for key in minted] == [False] * 12 + [True]
    for replaced, successor in itertools.pairwise(minted):
        assert replaced["revoked_at"] is not None
        assert replaced["revoked_at"] >= successor["created_at"] + 2 * DAY
