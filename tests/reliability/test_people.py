"""A year of nightly runs. The person behind the access token changes three times."""

from __future__ import annotations

import itertools

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.reliability.engine import api_key, app, rotating_key
from tests.reliability.world import World

DAY = 86_400
ROTATE_AFTER_DAYS = 30
OVERLAP_DAYS = 2
NIGHTS = 365
# In the other nights of each month, nothing is due.
NIGHTS_WITH_WORK = 10
# The nights with the first run of a member, an administrator and another member. Each is within an
# overlap, so the next person has to revoke the key of the one before.
CHANGES = (91, 182, 274)
PROGRAM = (
    app("search"),
    api_key("ci", "search"),
    rotating_key("svc", "search", rotate_after=f"{ROTATE_AFTER_DAYS}d", overlap=f"{OVERLAP_DAYS}d"),
)


def people(emulator: Emulator) -> list[str]:
    """Return the access tokens of the first administrator, and of those who come later."""
    roles = ("member", "administrator", "member")
    return [
        emulator.access_token,
        *(emulator.add_user(role=role)["access_token"] for role in roles),  # type: ignore[arg-type] # literals
    ]


@pytest.mark.parametrize("hides", [False, True], ids=["403", "404"])
def test_year_with_four_people_loses_nothing(emulator: Emulator, hides: bool) -> None:
    """No key is lost or revoked early, nothing is taken for gone, and no second app is created.

    A member's list doesn't have the app. In one variant, the member can't use it either: then keys
    aren't rotated until somebody comes who can.
    """
    world = World(emulator)
    emulator.set_settings(members_get_404=hides)
    tokens = people(emulator)
    world.clean_run(lambda run: world.stack.up(run, PROGRAM))
    first_ci = world.stack.find("ApiKey", "ci")
    assert first_ci is not None
    current_on: list[str] = []

    for night in range(1, NIGHTS + 1):
        world.wait(DAY)
        if night % ROTATE_AFTER_DAYS >= NIGHTS_WITH_WORK:
            continue
        world.access_token = tokens[sum(night >= change for change in CHANGES)]
        world.clean_run(world.stack.refresh)
        output = world.run(lambda run: world.stack.up(run, PROGRAM))
        assert output.error is None or (hides and "there is no app" in output.error)
        audit = world.audit()
        svc = world.stack.find("RotatingApiKey", "svc")
        assert svc is not None
        current_on.append(svc.outputs["api_key_id"])
        assert (audit.apps, audit.held_apps, audit.stray_keys) == (1, 1, 0)
        assert audit.gone_apps == audit.gone_keys == set()
        alive = {key["api_key_id"] for key in emulator.state()["keys"] if not key["revoked_at"]}
        assert set(current_on[-OVERLAP_DAYS:]) <= alive
        assert first_ci.resource_id in alive

    assert audit.leaks == []
    rotations = len(set(current_on)) - 1
    assert rotations == 12 or (hides and rotations >= 6)
    # The administrator at the end does what the members couldn't.
    world.access_token = emulator.access_token
    for days in (0, OVERLAP_DAYS):
        world.wait(days * DAY)
        world.clean_run(lambda run: world.stack.up(run, PROGRAM))
    assert world.audit().keys == 2
    minted = [key for key in emulator.state()["keys"] if key["api_key_name"] != "ci"]
    for retired, successor in itertools.pairwise(minted):
        assert retired["revoked_at"] is not None
        assert retired["revoked_at"] >= successor["created_at"] + OVERLAP_DAYS * DAY
