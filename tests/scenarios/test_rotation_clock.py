"""A rotating key is due only by both clocks, and one wrong time never revokes it early."""

from __future__ import annotations

from email.utils import formatdate

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
KEYS = "/service/v1/apps/{app_id}/keys"
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
    assert "'svc-2': what was announced because of the time is left for a later run" in warning
    assert "it isn't due yet by the Account API's time" in warning
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


@pytest.mark.parametrize("behind_seconds", [2 * HOUR, 40 * DAY])
def test_creation_time_that_is_behind_neither_revokes_nor_rotates_again(
    project: Project, emulator: Emulator, clock: Clock, behind_seconds: float
) -> None:
    """The date of the same answer counts: the previous key keeps its whole overlap."""
    program(project)
    project.up()
    wrong = str(int(clock.now() - behind_seconds))
    emulator.add_fault("odd", method="POST", path=KEYS, replace={"created_at": wrong})
    program(project, triggers=1)
    [warning] = warnings(project.up().stdout)
    assert "'svc-2' was created at another time than the time of this answer" in warning

    assert changes(project.up()) == {"same": 3}

    assert alive(emulator) == ["svc", "svc-2"]
    clock.forward(seconds=HOUR + 1)
    project.up()
    assert alive(emulator) == ["svc-2"]


def test_one_date_that_is_ahead_revokes_no_key_within_its_overlap(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """One key's overlap has passed, and the other's hasn't by this machine's clock."""
    program(project)
    project.up()
    program(project, triggers=1)
    project.up()
    clock.forward(seconds=HOUR / 2)
    program(project, triggers=2)
    project.up()
    clock.forward(seconds=HOUR / 2 + 1)
    list_apps_with_date(emulator, formatdate(clock.now() + 3 * DAY, usegmt=True))

    project.up()

    assert alive(emulator) == ["svc-2", "svc-3"]


def test_answers_without_a_date_make_nothing_due(
    project: Project, emulator: Emulator, clock: Clock
) -> None:
    """A warning says so. A later run that knows the time revokes and rotates."""
    program(project, rotate_after="2h")
    project.up()
    program(project, rotate_after="2h", triggers=1)
    project.up()
    clock.forward(seconds=2 * HOUR + 1)
    list_apps_with_date(emulator, "never")

    with calls(emulator) as made:
        result = project.up()

    assert made[DELETE_KEY] == made[CREATE_KEY] == 0
    assert alive(emulator) == ["svc", "svc-2"]
    [warning] = warnings(result.stdout)
    assert "'svc-2'" in warning
    assert "is left for a later run, as the Account API's answers don't tell its time" in warning
    project.up()
    assert alive(emulator) == ["svc-2", "svc-3"]


def list_apps_with_date(emulator: Emulator, date: str) -> None:
    """Let the next list of apps have this Date header."""
    listed = [
        {"app_id": app["app_id"], "app_name": "x", "org_id": emulator.org_id, "org_name": "Org"}
        for app in emulator.state()["apps"]
    ]
    emulator.add_fault(
        "garbage",
        method="GET",
        path="/service/v1/apps",
        body={"apps": listed},
        headers={"Date": date},
    )
