"""`parallel-provider keys` reads what each engine and each door exports."""

from __future__ import annotations

import pytest

from parallel_provider.cli.keys import keys_of
from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.clock import Clock

DAY = 86_400

PROGRAM = """
import pulumi
import parallel_provider as parallel

app = parallel.App("search")
parallel.ApiKey("ci", app_id=app.app_id)
parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="2d")
"""


@pytest.fixture
def clock(project: Project, emulator: Emulator) -> Clock:
    """Return the clock of the scenario."""
    return Clock(project, emulator)


def test_keys_of_a_stack_say_what_happens_next(project: Project, clock: Clock) -> None:
    """Before a rotation, after it, and after a night without a run."""
    project.write(PROGRAM)
    project.up()
    created = keys_of(vars(project.stack.export_stack()), clock.now(), 26 * 3600)
    clock.forward(days=30, seconds=60)
    due = keys_of(vars(project.stack.export_stack()), clock.now(), 26 * 3600)
    late = keys_of(vars(project.stack.export_stack()), clock.now() + 2 * DAY, 26 * 3600)
    project.up()
    rotated = keys_of(vars(project.stack.export_stack()), clock.now(), 26 * 3600)

    assert [(key.resource, key.next) for key in created] == [("svc", "rotates it"), ("ci", None)]
    assert [(key.resource, key.is_overdue) for key in due] == [("svc", False), ("ci", False)]
    assert [(key.resource, key.is_overdue) for key in late] == [("svc", True), ("ci", False)]
    [svc, ci] = rotated
    assert (svc.api_key_name, svc.generation, svc.next) == ("svc-2", 2, "revokes 'svc'")
    assert svc.app_name == ci.app_name == "search"
