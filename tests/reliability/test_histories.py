"""Histories of one stack, random ones and those that once failed: nothing is lost or leaks."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.reliability.histories import Histories, check_histories
from tests.reliability.planned_faults import PlannedFault

_LOST = PlannedFault(route=("*", "*"), kind="garbage", status=500, times=1, after=1)
_REFUSED_LIST = PlannedFault(
    route=("GET", "/service/v1/apps"), kind="status", status=403, times=1, after=1
)
_REFUSED = PlannedFault(route=("*", "*"), kind="status", status=403, times=1, after=0)


@pytest.mark.parametrize(
    ("faults", "killed_after"), [([_LOST], 4), ([_LOST], 5), ([_LOST, _REFUSED_LIST], None)]
)
def test_app_of_a_lost_answer_is_told_before_the_next_attempt(
    emulator: Emulator, faults: list[PlannedFault], killed_after: int | None
) -> None:
    """So it is known also if the process is killed then, or if the apps can't be listed."""
    history = Histories(emulator)

    history.run([("a", False, False)], faults, killed_after, "up")

    history.nothing_is_lost()


def test_top_up_that_is_declared_again_after_a_failed_destroy_is_counted(
    emulator: Emulator,
) -> None:
    """Its two charges have two reasons."""
    history = Histories(emulator)
    history.run([("t", False, False)], [_REFUSED], None, "up")
    history.settle()
    history.run([("t", False, False)], [_REFUSED], None, "destroy")

    history.settle()

    history.money_is_accounted_for()


def test_some_histories_lose_nothing(emulator: Emulator) -> None:
    """A few histories, the same ones in each run."""
    check_histories(emulator, examples=15, steps=20, seeded=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_histories_lose_nothing(emulator: Emulator) -> None:
    """Many histories, new ones in each run."""
    check_histories(emulator, examples=500, steps=30, seeded=False)
