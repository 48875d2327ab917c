"""Killed during a rotation: one key works, and a message names the key that is left over."""

from __future__ import annotations

import sys

import pytest
from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, plain
from tests.reliability.matrix import KEYS
from tests.reliability.processes import Role, signalled
from tests.scenarios.clock import Clock
from tests.scenarios.story import declare, live_keys

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

_PROGRAM = """
app = parallel.App("search")
parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="2d")
"""


@pytest.mark.parametrize("role", ["provider", "engine"])
def test_killed_rotation_keeps_a_key_and_names_what_nobody_holds(
    project: Project, emulator: Emulator, role: Role
) -> None:
    """The old key always works. The next run rotates, and its message names the unknown key."""
    if role == "engine" and project.engine == "embedded":
        pytest.skip("the embedded engine is this very process")
    declare(project, _PROGRAM)
    clock = Clock(project, emulator)
    project.up()
    [first] = live_keys(emulator)
    clock.forward(days=30)
    # The key is created, and the process ends without the answer.
    emulator.add_fault("delay", method="POST", path=KEYS, seconds=1.0)
    with signalled(emulator, role, f"POST {KEYS}", 2) as watch, pytest.raises(CommandError):
        project.up()
    assert watch.hit, "nothing was killed"
    emulator.clear_faults()
    assert first["api_key_id"] in {key["api_key_id"] for key in live_keys(emulator)}

    if role == "engine":
        project.stack.cancel()
    rotated = project.up()

    outputs = project.resource("svc")["outputs"]
    assert (outputs["generation"], outputs["api_key_name"]) == (2, "svc-2")
    assert plain(outputs["raw_api_key"])
    held = {outputs["api_key_id"], outputs["previous_api_key_id"]}
    alive = {key["api_key_id"]: key["api_key_name"] for key in live_keys(emulator)}
    assert held <= alive.keys()
    assert first["api_key_id"] == outputs["previous_api_key_id"]
    assert {alive[stray] for stray in alive.keys() - held} <= {"svc-2"}
    assert "look in the Parallel console for what was created between" in rotated.stdout
    assert outputs["app_id"] in rotated.stdout
