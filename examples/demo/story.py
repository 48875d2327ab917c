"""The steps of the demo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from examples.demo.stage import Stage

_A_MONTH_IN_DAYS = 31


@dataclass(frozen=True)
class Step:
    """One step: its title, its explanation, and its actions."""

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
    # This is for the next step; nothing else depends on the date.
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


def _repeat_in_yaml(stage: Stage) -> None:
    stage.install_plugin()
    stage.pulumi("up")
    stage.show_outputs()
    stage.pulumi("destroy")


STEPS = (
    Step(
        "Create",
        "The program declares an app, a key for each quarter (ci), and a key that rotates by age "
        "(service). Pulumi creates the app first, because the keys depend on it. Raw keys are "
        "always secrets.",
        _create,
    ),
    Step(
        "Change nothing",
        "A second run finds nothing to do and doesn't need the API for that. The one call reads "
        "the balance, which the program asks for.",
        _change_nothing,
    ),
    Step(
        "Rotate a key",
        "A new quarter replaces the key. The new key is created first. The old key is revoked "
        "last, after everything that uses it has been updated.",
        _rotate,
    ),
    Step(
        "Rename the app",
        "The API can't rename an app, so a new name means a new app with new keys. Again, the old "
        "ones are deleted last.",
        _rename,
    ),
    Step(
        "Let a month pass",
        "The emulator has dated the last keys a month back. The program rotates service after 30 "
        "days, so the next run rotates it. The previous key works for two more days.",
        _renew,
    ),
    Step(
        "Repair",
        "Somebody deletes the app in the web console, and so its keys too. A refresh notices it, "
        "and the next run creates again what the program declares.",
        _repair,
    ),
    Step(
        "Destroy",
        "Everything that the program created is deleted, first the keys and then the app. Nothing "
        "else is deleted.",
        _destroy,
    ),
)


IN_YAML = Step(
    "The same in YAML",
    "The native plugin serves programs in all of Pulumi's languages. This one is "
    "examples/yaml/Pulumi.yaml.",
    _repeat_in_yaml,
)


def tell(stage: Stage, yaml_stage: Stage | None = None) -> None:
    """Run all steps; with a stage for it, the YAML program too."""
    told = [(step, stage) for step in STEPS]
    if yaml_stage is not None:
        told.append((IN_YAML, yaml_stage))
    for number, (step, on) in enumerate(told, start=1):
        on.screen.step(number, len(told), step.title, step.says)
        step.act(on)
