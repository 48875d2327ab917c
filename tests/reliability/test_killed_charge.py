"""Killed during a charge: repeated while that is safe, refused later, and then settled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, plain
from tests.reliability.matrix import ADD_BALANCE
from tests.reliability.processes import crash
from tests.scenarios.clock import Clock
from tests.scenarios.story import assert_fails, assert_refused, warnings
from tests.scenarios.top_ups import allow, amounts, outputs, top_up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

_A_DAY_AND_A_BIT = {"days": 1, "seconds": 5}


def kill_charge(project: Project, emulator: Emulator) -> str:
    """Kill the provider after the card was charged, before the answer. Return the charge's key."""
    said = crash(project, emulator, "provider", ADD_BALANCE)
    key = emulator.state()["charges"][-1]["idempotency_key"]
    assert key in said, "the key was announced before the request"
    return key


def settle(key: str, answer: str) -> None:
    """Settle a charge as a user does."""
    command = [sys.executable, "-m", "parallel_provider.cli", "charges", "settle", key, answer]
    subprocess.run(command, check=True, capture_output=True, env=dict(os.environ), timeout=60)


@pytest.fixture
def killed(project: Project, emulator: Emulator) -> tuple[Project, Clock, str]:
    """Return a project with an interrupted charge, and the charge's key."""
    clock = Clock(project, emulator)
    allow(project, 1000)
    top_up(project, "amount_cents=1000, triggers=1")
    project.up()
    top_up(project, "amount_cents=1000, triggers=2")
    return project, clock, kill_charge(project, emulator)


def test_killed_charge_is_repeated_on_the_same_day_and_made_once(
    killed: tuple[Project, Clock, str], emulator: Emulator
) -> None:
    """The server knows the key for a day, so the next run completes without help."""
    project, clock, key = killed
    clock.forward(seconds=3600)

    project.up()

    assert amounts(emulator) == [1000, 1000]
    assert plain(outputs(project)["last_idempotency_key"]) == key
    assert outputs(project)["total_charged_cents"] == 2000


@pytest.mark.parametrize(("answer", "charged"), [("--charged", 2), ("--not-charged", 3)])
def test_killed_charge_is_refused_a_day_later_until_it_is_settled(
    killed: tuple[Project, Clock, str], emulator: Emulator, answer: str, charged: int
) -> None:
    """Nightly runs have this interval. Nobody is charged twice without having agreed to it."""
    project, clock, key = killed
    clock.forward(**_A_DAY_AND_A_BIT)

    for operation in ("preview", "up"):
        assert_fails(
            project,
            operation,
            "isn't charged, as it isn't known whether an earlier charge of 1000 cents was made",
            key,
            f"parallel-provider charges settle {key}",
            resource="credit",
        )
    assert amounts(emulator) == [1000, 1000]

    settle(key, answer)
    project.up()
    assert amounts(emulator) == [1000] * charged
    assert plain(outputs(project)["last_idempotency_key"]) == key
    assert outputs(project)["total_charged_cents"] == 2000


def test_state_restored_from_a_backup_counts_the_charge_and_makes_no_other(
    project: Project, emulator: Emulator
) -> None:
    """The journal has the charge that the older state doesn't have, on the same day and later."""
    clock = Clock(project, emulator)
    allow(project, 1000)
    top_up(project, "amount_cents=1000, triggers=1")
    project.up()
    backup = project.stack.export_stack()
    top_up(project, "amount_cents=1000, triggers=2")
    project.up()

    for _ in range(2):
        project.stack.import_stack(backup)
        assert "will count 1000 cents that were charged before" in project.preview().stdout
        [warning] = warnings(project.up().stdout)
        assert "Nothing was charged now" in warning
        assert outputs(project)["total_charged_cents"] == 2000
        clock.forward(**_A_DAY_AND_A_BIT)

    assert amounts(emulator) == [1000, 1000]


def test_replaced_top_up_charges_nothing_more(project: Project, emulator: Emulator) -> None:
    """`up --replace` gives a new state; the charge of the old one is counted there."""
    if project.engine == "embedded":
        pytest.skip("the embedded stack has no --replace")
    clock = Clock(project, emulator)
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()
    urn = project.resource("credit")["urn"]

    for _ in range(2):
        project.up(replace=[urn])
        assert outputs(project)["total_charged_cents"] == 1000
        clock.forward(**_A_DAY_AND_A_BIT)

    assert amounts(emulator) == [1000]


def test_threshold_charge_that_was_killed_can_be_counted(
    project: Project, emulator: Emulator
) -> None:
    """The balance is high again, so nothing is due. The settled charge is counted."""
    clock = Clock(project, emulator)
    allow(project, 1000)
    emulator.set_org(credit_balance_cents=900)
    top_up(project, "amount_cents=1000, when_below_cents=500, monthly_limit_cents=5000")
    project.up()
    emulator.set_org(credit_balance_cents=0)
    key = kill_charge(project, emulator)
    clock.forward(**_A_DAY_AND_A_BIT)
    project.up()
    assert outputs(project)["charges"] == 0

    # It is due again: nothing is charged before it is settled, but a refresh works.
    emulator.set_org(credit_balance_cents=0)
    for result in (project.preview(), project.refresh()):
        assert f"parallel-provider charges settle {key}" in result.stdout
    assert_refused(project, project.fails("up"), "isn't charged, as", key, resource="credit")
    emulator.set_org(credit_balance_cents=1000)

    settle(key, "--charged")
    project.up()

    assert amounts(emulator) == [1000]
    assert outputs(project)["month_charged_cents"] == 1000


def test_open_charge_of_another_stack_stops_this_one_until_it_is_settled(
    killed: tuple[Project, Clock, str], emulator: Emulator, tmp_path: Path
) -> None:
    """They charge one card. The command takes the beginning of the key."""
    project, _, key = killed
    folder = tmp_path / "other" / "program"
    folder.mkdir(parents=True)
    other = Project(folder, project.engine)
    other.env |= project.env
    other.plugins |= project.plugins
    other.provider = project.provider
    allow(other, 1000)
    top_up(other, "amount_cents=500", name="other")

    assert key in other.fails("preview")
    assert key in other.fails("up")
    assert amounts(emulator) == [1000, 1000]

    settle(key[:15], "--charged")
    other.up()
    assert amounts(emulator) == [1000, 1000, 500]
