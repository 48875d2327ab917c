"""The benchmarks run and write their figures as tables. Speed isn't tested."""

from __future__ import annotations

import pytest

from benchmarks import report
from benchmarks.__main__ import main
from benchmarks.measure import Cost
from benchmarks.report import FLOOR, OPERATIONS, PROVIDER, Samples
from tests.forked import forked

__all__ = ["forked"]


def samples(*, seconds: dict[str, list[float]]) -> Samples:
    """Return rounds with these times for all operations of each subject."""
    return Samples(
        report.Sample(subject, 200, 0, operation, Cost(taken, taken, 50.0, 7))
        for subject, rounds in seconds.items()
        for taken in rounds
        for operation in OPERATIONS
    )


def test_life_of_each_program_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """It runs on the embedded stack with one resource, and changes nothing in the checkout."""
    options = ["--engine", "embedded", "--resources", "1", "--latency-ms", "0", "--rounds", "1"]

    main([*options, "--no-write"], standalone_mode=False)

    shown = capsys.readouterr().out
    rows = [line.split("|")[1].strip() for line in shown.splitlines() if "|" in line]
    assert rows[2 : 2 + len(OPERATIONS)] == rows[-len(OPERATIONS) :] == list(OPERATIONS)
    assert "fails" not in shown


def test_ratio_is_that_of_each_round() -> None:
    """A slow minute of the machine affects a whole round, but not the ratio."""
    rounds = samples(seconds={FLOOR: [1.0, 10.0, 2.0], PROVIDER: [1.1, 11.0, 2.2]})
    assert round(rounds.ratio(PROVIDER, "up"), 6) == 1.1
