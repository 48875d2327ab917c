"""An earlier version's state works with this version: nothing changes, nothing is lost."""

from __future__ import annotations

import base64
import time

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, plain
from tests.scenarios.clock import Clock
from tests.scenarios.story import DELETE_APP, DELETE_KEY, GET_BALANCE, LIST_APPS, calls, live_keys
from tests.upgrades.recorded import RECORDED, RecordedState

# Type token → module and class in users' states. A rename breaks these states.
NAMES = {
    "pulumi-python:dynamic/parallel:App": ("parallel_provider.dynamic", "AppProvider"),
    "pulumi-python:dynamic/parallel:ApiKey": ("parallel_provider.dynamic", "ApiKeyProvider"),
    "pulumi-python:dynamic/parallel:RotatingApiKey": (
        "parallel_provider.dynamic",
        "RotatingApiKeyProvider",
    ),
    "pulumi-python:dynamic/parallel:BalanceTopUp": (
        "parallel_provider.dynamic",
        "BalanceTopUpProvider",
    ),
}

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
    assert asked[DELETE_KEY] == len(NAMES) - 1
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


@pytest.mark.parametrize(
    "recorded", [each for each in RECORDED if each.provider == "dynamic"], ids=lambda r: r.version
)
def test_names_that_stand_in_states_are_pinned(recorded: RecordedState) -> None:
    """Every resource is recorded, under names that this version must know."""
    found = {
        resource["type"]: base64.b64decode(resource["inputs"]["__provider"])
        for resource in recorded.resources
    }
    assert set(found) == set(NAMES)
    for type_token, (module, name) in NAMES.items():
        assert f"{module}\x94\x8c{chr(len(name))}{name}".encode("latin-1") in found[type_token]
