"""Random attacks on what lives and on money: programs, edits, people, faults and kills.

    python -m tests.attacks.test_attacks 200 embedded

runs that many histories, goes on after failures, and counts what they found and what they had.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections import Counter
from typing import cast

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from parallel_provider.testing.emulator import Emulator
from tests.attacks.attack import run_history
from tests.attacks.histories import Step, histories
from tests.attacks.known import KNOWN
from tests.checked_emulator import CheckedEmulator
from tests.engines import Engine

# What hundreds of histories must have had, each at least once.
_KINDS = (
    "adoptions",
    "charges",
    "deleted apps",
    "faults",
    "revoked keys",
    "up fails",
    "up killed",
    "up succeeds",
)
_SETTINGS = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate, Phase.shrink],
)


# One of each rule is in every run.
_IN_EVERY_RUN = (
    "two providers adopt one app, and one of them is removed",
    "a created key is imported under its own name",
    "the app of a protected key is removed",
    "a person renames an app",
    "another amount after a charge without an answer",
)
_KNOWN = [
    pytest.param(steps, id=name, marks=() if name in _IN_EVERY_RUN else pytest.mark.slow)
    for name, steps in KNOWN.items()
]


def attack(
    emulator: Emulator, engine: Engine, *, examples: int, seeded: bool, kills: bool = False
) -> Counter[str]:
    """Search for a history after which a record isn't as it must be. Return what they had."""
    covered: Counter[str] = Counter()

    @settings(_SETTINGS, max_examples=examples, derandomize=seeded)
    @given(histories(kills=kills))
    def search(steps: list[Step]) -> None:
        run_history(steps, emulator, engine, covered)

    search()
    sys.stdout.write(f"the attacks had {dict(sorted(covered.items()))}\n")
    return covered


@pytest.mark.timeout(600)
@pytest.mark.parametrize("steps", _KNOWN)
def test_known_attack_fails(emulator: Emulator, engine: Engine, steps: list[Step]) -> None:
    """Nothing that lives is deleted, and nothing is charged twice."""
    run_history(steps, emulator, engine)


def test_short_attacks_succeed_nowhere(emulator: Emulator) -> None:
    """The same few histories in every run."""
    covered = attack(emulator, "embedded", examples=4, seeded=True)
    assert covered["up succeeds"]


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
def test_attacks_succeed_nowhere(emulator: Emulator, engine: Engine) -> None:
    """Other histories in every run, with kills; fewer on Pulumi's own engine, which is slower.

    A kind of event that never came would prove nothing.
    """
    examples = 300 if engine == "embedded" else 60
    covered = attack(emulator, engine, examples=examples, seeded=False, kills=True)
    assert [kind for kind in _KINDS if not covered[kind]] == []


def main(count: int, engine: Engine, number: int) -> None:
    """Run histories with a seed, and print what each one found."""
    covered: Counter[str] = Counter()
    found: Counter[str] = Counter()
    with CheckedEmulator() as emulator:

        @seed(number)
        @settings(_SETTINGS, max_examples=count, phases=[Phase.generate])
        @given(histories())
        def search(steps: list[Step]) -> None:
            found["histories"] += 1
            try:
                run_history(steps, emulator, engine, covered)
            except AssertionError as error:
                found[str(error).partition(":")[0]] += 1
                sys.stdout.write(f"=== history {found['histories']} of seed {number}\n{error}\n")
                sys.stdout.flush()

        search()
    sys.stdout.write(f"found {dict(found)}\nhad {dict(sorted(covered.items()))}\n")


if __name__ == "__main__":
    if shutil.which("pulumi") is None and sys.argv[2] == "pulumi":
        sys.exit("pulumi is not on PATH")
    chosen = int(sys.argv[3]) if sys.argv[3:] else random.randrange(10_000)  # noqa: S311 - no secret
    main(int(sys.argv[1]), cast("Engine", sys.argv[2]), chosen)
