"""An earlier version's state works with this version: nothing changes, nothing is lost."""

from __future__ import annotations

import time

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, plain
from tests.scenarios.clock import Clock
from tests.scenarios.story import DELETE_APP, DELETE_KEY, GET_BALANCE, LIST_APPS, calls, live_keys
from tests.upgrades.recorded import RECORDED, RecordedState

each = pytest.mark.parametrize(
    "recorded", RECORDED, ids=[f"{each.version}-{each.provider}" for each in RECORDED]
)


@each
def test_state_is_left_as_it_is_refreshed_and_destroyed(
    recorded: RecordedState, project: Project, emulator: Emulator
) -> None:
    """Preview and up find nothing to do, refresh loses nothing, destroy deletes everything."""
    recorded.continue_in(project, emulator)
    same = {"same": len(recorded.resources) + 1}

    with calls(emulator) as asked:
        assert changes(project.preview()) == same
        assert changes(project.up()) == same
    assert set(asked) == {GET_BALANCE}
    with calls(emulator) as asked:
        assert changes(project.refresh()) == same
    assert asked[LIST_APPS] == 1
    assert changes(project.up()) == same

    before = {resource["urn"]: resource for resource in recorded.resources}
    for resource in project.resources():
        if old := before.pop(resource["urn"], None):
            assert resource["inputs"].get("__provider") == old["inputs"].get("__provider")
            for name in ("raw_api_key", "previous_raw_api_key", "last_idempotency_key"):
                assert plain(resource["outputs"].get(name)) == plain(old["outputs"].get(name))
    assert not before

    with calls(emulator) as asked:
        assert changes(project.destroy()) == {"delete": len(recorded.resources) + 1}
    assert asked[DELETE_APP] == 1
    assert asked[DELETE_KEY] == 3  # of the ApiKey, and both of the rotating one
    assert live_keys(emulator) == []


@each
def test_rotating_key_of_the_state_rotates(
    recorded: RecordedState, project: Project, emulator: Emulator
) -> None:
    """It keeps the keys that it had, and leaves none behind."""
    recorded.continue_in(project, emulator)
    [due_at] = [
        each["outputs"]["next_rotation_at"]
        for each in recorded.resources
        if "next_rotation_at" in each["outputs"]
    ]
    Clock(project, emulator).forward(seconds=due_at + 1 - time.time())

    assert changes(project.up()) == {"same": len(recorded.resources), "update": 1}

    names = [key["api_key_name"] for key in live_keys(emulator)]
    assert sorted(names) == ["ci", "service-2", "service-3"]
    project.destroy()
    assert live_keys(emulator) == []
