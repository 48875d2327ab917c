"""What happens: seven steps in the life of a small program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from examples.demo.stage import Stage

_A_MONTH_IN_DAYS = 31


@dataclass(frozen=True)
class Step:
    """One step: its title, what it shows, and what is done."""

    title: str
    says: str
    act: Callable[[Stage], None]


def _create(stage: Stage) -> None:
    stage.pulumi("up")
    stage.show_outputs()


def _change_nothing(stage: Stage) -> None:
    stage.pulumi("up")


def _rotate(stage: Stage) -> None:
    stage.config("quarter", "2027Q1")
    stage.pulumi("up")


def _rename(stage: Stage) -> None:
    # For the step after this one; nothing else looks at the date.
    stage.date_keys_back(_A_MONTH_IN_DAYS)
    stage.config("appName", "web-search")
    stage.pulumi("up")
    stage.date_keys_back(0)


def _renew(stage: Stage) -> None:
    stage.pulumi("up")


def _repair(stage: Stage) -> None:
    stage.delete_app()
    stage.pulumi("refresh")
    stage.pulumi("up")


def _destroy(stage: Stage) -> None:
    stage.pulumi("destroy")


STEPS = (
    Step(
        "Create",
        "The program declares an app, a key for each quarter (ci), and a key that renews itself "
        "(service). Pulumi makes them in the order in which they need each other; raw keys are "
        "secrets from the start.",
        _create,
    ),
    Step(
        "Change nothing",
        "A second run finds nothing to do, without asking the API about it: the one call is the "
        "balance, which the program itself reads.",
        _change_nothing,
    ),
    Step(
        "Rotate a key",
        "A new quarter asks for a new key. The new one is made first, and the old one is revoked "
        "last, after everything that uses it has changed over.",
        _rotate,
    ),
    Step(
        "Rename the app",
        "The API can't rename an app, so a new name means a new app with new keys. Again the old "
        "ones go last.",
        _rename,
    ),
    Step(
        "Let a month pass",
        "The emulator has dated the last keys a month back, and the program wants service renewed "
        "after 30 days: the next run does so. The key before it works for two more days.",
        _renew,
    ),
    Step(
        "Repair",
        "Somebody deletes the app in the web console, and its keys with it. A refresh notices, and "
        "the next run brings back what the program declares.",
        _repair,
    ),
    Step(
        "Destroy",
        "All that the program made goes, keys before their app, and nothing else.",
        _destroy,
    ),
)


def tell(stage: Stage) -> None:
    """Go through all the steps."""
    for number, step in enumerate(STEPS, start=1):
        stage.screen.step(number, len(STEPS), step.title, step.says)
        step.act(stage)
