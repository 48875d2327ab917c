"""Kills at any moment: the next run completes, and everything created is accounted for."""

from __future__ import annotations

import random
import re
import sys

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, plain
from tests.real_pulumi import needs_pulumi
from tests.reliability.matrix import ADD_BALANCE, APPS, KEYS, ONE_KEY
from tests.reliability.processes import Role, crash
from tests.scenarios.clock import Clock
from tests.scenarios.story import apps_named, declare, live_keys

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

_PROGRAM = """
app = parallel.App("search")
parallel.ApiKey("ci", app_id=app.app_id)
parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d")
parallel.BalanceTopUp("credit", amount_cents=500)
"""
# The changes of the program above: the route, and the number of the request to it. The two keys
# are created at the same time.
_CHANGES = ((APPS, 1), (KEYS, 1), (KEYS, 2), (ADD_BALANCE, 1))
_RESOURCES = {APPS: r"search", KEYS: r"ci|svc", ADD_BALANCE: r"credit"}


def assert_complete(project: Project, emulator: Emulator) -> None:
    """Assert that the next run completes, and that the one after it finds nothing to do."""
    project.up()
    assert changes(project.up()) == {"same": 5}

    app_id = project.resource("search")["id"]
    # If the creation of an app was interrupted, one app of the same name is in no state.
    apps = [app["app_id"] for app in apps_named(emulator, "search")]
    assert app_id in apps
    assert len(apps) <= 2
    held = {project.resource(name)["id"] for name in ("ci", "svc")}
    alive = [key for key in live_keys(emulator) if key["app_id"] == app_id]
    assert held <= {key["api_key_id"] for key in alive}
    # If the creation of a key was interrupted, one key of the same name is in no state.
    assert len([key for key in alive if key["api_key_id"] not in held]) <= len(held)
    [charge] = emulator.state()["charges"]
    outputs = project.resource("credit")["outputs"]
    assert plain(outputs["last_idempotency_key"]) == charge["idempotency_key"]
    assert (outputs["charges"], outputs["total_charged_cents"]) == (1, 500)


@pytest.fixture
def program(project: Project) -> Project:
    """Return a project with all types of resources."""
    project.config("parallel:maxTopUpCents", "500")
    declare(project, _PROGRAM)
    return project


@pytest.mark.parametrize("seed", range(2))
def test_killed_provider_is_an_error_and_the_next_run_completes(
    program: Project, emulator: Emulator, seed: int
) -> None:
    """Pulumi names the resource that the provider was working on."""
    change = random.Random(seed).choice(_CHANGES)  # noqa: S311 - no secret

    said = crash(program, emulator, "provider", *change)

    assert re.search(rf"\(({_RESOURCES[change[0]]})\):\n\s+error: ", said), said
    assert_complete(program, emulator)


@pytest.mark.parametrize(
    ("route", "told"),
    [
        (APPS, "an app named 'search' may exist that no stack manages"),
        (KEYS, "a key named 'ci' that nobody holds may exist"),
    ],
)
def test_provider_killed_after_a_lost_answer_has_told_what_may_exist(
    project: Project, emulator: Emulator, route: str, told: str
) -> None:
    """The message is there before the next attempt, in which the process ends."""
    declare(project, 'parallel.ApiKey("ci", app_id=parallel.App("search").app_id)')
    emulator.add_fault("drop_after", method="POST", path=route)

    crash(project, emulator, "provider", route, 2)

    assert told in "".join(project.said)
    project.up()
    assert changes(project.up()) == {"same": 3}


def test_killed_program_is_an_error_and_the_next_run_completes(
    program: Project, emulator: Emulator
) -> None:
    """The provider completes its running request, and the state has the result."""
    crash(program, emulator, "program", APPS, 1)

    assert_complete(program, emulator)
    assert len(apps_named(emulator, "search")) == 1
    assert len(live_keys(emulator)) == 2


@needs_pulumi
@pytest.mark.parametrize("engine", ["pulumi"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_killed_engine_leaves_a_pending_operation_and_the_next_run_completes(
    program: Project, emulator: Emulator, seed: int
) -> None:
    """The next run names the interrupted operation. Nothing is lost without a name."""
    change = random.Random(seed).choice(_CHANGES)  # noqa: S311 - no secret

    crash(program, emulator, "engine", *change)
    # Pulumi keeps its lock on the stack until the user cancels the other run.
    program.stack.cancel()
    completed = program.up()

    assert "interrupted while creating" in completed.stdout + completed.stderr
    assert_complete(program, emulator)


def test_rotation_that_is_killed_while_it_revokes_is_named_by_the_next_run(
    project: Project, emulator: Emulator
) -> None:
    """The new key exists by then, and no state has it."""
    program = """
        app = parallel.App("search")
        parallel.RotatingApiKey(
            "svc", app_id=app.app_id, rotate_after="30d", overlap="0s", triggers={}
        )
    """
    declare(project, program.format(1))
    project.up()
    declare(project, program.format(2))

    crash(project, emulator, "provider", f"DELETE {ONE_KEY}")

    assert [key["api_key_name"] for key in live_keys(emulator)] == ["svc-2"]
    assert "An earlier run was interrupted while it created 'svc-2'" in project.up().stdout


@pytest.mark.parametrize("role", ["provider", "engine"])
def test_killed_rotation_keeps_a_key_and_names_what_nobody_holds(
    project: Project, emulator: Emulator, role: Role
) -> None:
    """The old key always works. The next run rotates, and its message names the unknown key."""
    if role == "engine" and project.engine == "embedded":
        pytest.skip("the embedded engine is this very process")
    declare(
        project,
        """
        app = parallel.App("search")
        parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="2d")
        """,
    )
    clock = Clock(project, emulator)
    project.up()
    [first] = live_keys(emulator)
    clock.forward(days=30)

    crash(project, emulator, role, KEYS)

    assert first["api_key_id"] in {key["api_key_id"] for key in live_keys(emulator)}
    if role == "engine":
        project.stack.cancel()
    rotated = project.up()
    outputs = project.resource("svc")["outputs"]
    assert (outputs["generation"], outputs["api_key_name"]) == (2, "svc-2")
    assert plain(outputs["raw_api_key"])
    assert outputs["previous_api_key_id"] == first["api_key_id"]
    alive = {key["api_key_id"]: key["api_key_name"] for key in live_keys(emulator)}
    held = {outputs["api_key_id"], outputs["previous_api_key_id"]}
    assert held <= alive.keys()
    assert {alive[stray] for stray in alive.keys() - held} <= {"svc-2"}
    assert "look in the Parallel console for what was created between" in rotated.stdout
    assert outputs["app_id"] in rotated.stdout
