"""The benchmarks run and write their figures as tables. Speed isn't tested."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import report
from benchmarks.measure import Cost
from benchmarks.report import AFTERNOON, FLOOR, OPERATIONS, PROVIDER, Samples

ROOT = Path(__file__).parents[1]


def samples(*, seconds: dict[str, list[float]]) -> Samples:
    """Return rounds with these times for all operations of each subject."""
    return Samples(
        report.Sample(subject, 200, 0, operation, Cost(taken, taken, 50.0, 7))
        for subject, rounds in seconds.items()
        for taken in rounds
        for operation in OPERATIONS
    )


def test_life_of_each_program_is_measured() -> None:
    """It runs on the embedded stack with one resource, and changes nothing in the checkout."""
    command = [sys.executable, "-m", "benchmarks", "--engine", "embedded", "--resources", "1"]
    done = subprocess.run(
        [*command, "--latency-ms", "0", "--rounds", "1", "--no-write"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if "|" in line]
    assert rows[2 : 2 + len(OPERATIONS)] == rows[-len(OPERATIONS) :] == list(OPERATIONS)
    assert "fails" not in done.stdout


def test_ratio_is_that_of_each_round() -> None:
    """A slow minute of the machine affects a whole round, but not the ratio."""
    rounds = samples(seconds={FLOOR: [1.0, 10.0, 2.0], PROVIDER: [1.1, 11.0, 2.2]})
    assert round(rounds.ratio(PROVIDER, "up"), 6) == 1.1


def test_subject_that_fails_is_said_to() -> None:
    """The simple provider can't handle a thousand resources."""
    rounds = samples(seconds={FLOOR: [1.0], PROVIDER: [1.1]})
    assert "| up | 1.0 s | 1.1 s | 1.10 | fails |" in report.table(rounds)
    assert "| 200 | up | 5.0 ms | 5.5 ms | 1.10 |" in report.growth([(200, rounds)])


def test_headline_and_plot_show_every_subject() -> None:
    """The README has these figures."""
    rounds = samples(seconds={FLOOR: [1.0], PROVIDER: [1.5], AFTERNOON: [4.0]})
    text = report.headline(rounds, rounds, 300)
    assert "| up | 1.0 s | 1.5 s | 1.50 | 4.0 s | 7 and 7 |" in text
    assert "`up` takes 1.5 s: 0.5 s more than Pulumi alone" in text
    assert report.plot(rounds, "title").count("<rect") == 3 + 3 * len(OPERATIONS)
