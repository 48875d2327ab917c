"""Random attacks on what lives and on money: programs, edits, people, faults and kills.

Each attack that once succeeded is a scenario now, in tests/scenarios.
"""

from __future__ import annotations

import sys
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from parallel_provider.testing.emulator import Emulator
from tests.attacks.attack import run_history
from tests.attacks.histories import Step, histories
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
