"""Random programs of this package's resources: both engines do the same, with the same requests."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from tests.checked_emulator import CheckedEmulator
from tests.engines import Engine, Project, changes, is_secret
from tests.scenarios.story import Console, declare, live_keys

needs_pulumi = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="pulumi is not on PATH, so the two engines can't be compared",
)
# Outputs that are the same on both engines. Ids, keys and times differ.
_COMPARED = ("app_name", "api_key_name", "generation", "charges", "total_charged_cents")


@dataclass(frozen=True)
class Step:
    """One operation. `deleted` names an app that somebody deletes before it."""

    operation: str
    program: str
    deleted: str = ""


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Draw a program of apps, keys and a top-up."""
    lines = []
    apps = draw(st.lists(st.sampled_from(["search", "chat"]), unique=True, max_size=2))
    for app in apps:
        protect = draw(st.sampled_from([False] * 4 + [True]))
        name = draw(st.sampled_from([app, app, f"{app}-renamed"]))
        options = f"opts=pulumi.ResourceOptions(protect={protect})"
        lines.append(f'{app} = parallel.App("{app}", app_name="{name}", {options})')
    for key in draw(st.lists(st.sampled_from(["ci", "web"]), unique=True, max_size=2)):
        if not apps:
            break
        app = draw(st.sampled_from(apps))
        triggers = draw(st.integers(1, 2))
        if draw(st.booleans()):
            lines.append(f'parallel.ApiKey("{key}", app_id={app}.app_id, triggers={triggers})')
        else:
            overlap = draw(st.sampled_from(["0s", "1d"]))
            lines.append(
                f'parallel.RotatingApiKey("{key}", app_id={app}.app_id, rotate_after="30d", '
                f'overlap="{overlap}", triggers={triggers})'
            )
    if draw(st.integers(0, 3)) == 0:
        amount = draw(st.sampled_from([100, 200]))
        lines.append(f'parallel.BalanceTopUp("credit", amount_cents={amount})')
    return "\n".join(lines)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    """Draw a history. It starts with an `up`."""
    steps = [Step("up", draw(programs()))]
    for _ in range(draw(st.integers(1, 3))):
        operation = draw(st.sampled_from(["up", "up", "up", "preview", "refresh", "destroy"]))
        program = draw(st.just(steps[-1].program) | programs())
        deleted = draw(st.sampled_from([""] * 4 + ["search"]))
        steps.append(Step(operation, program, deleted))
    return steps


def _outputs(resource: dict[str, Any]) -> dict[str, Any]:
    outputs = resource.get("outputs", {})
    return {
        key: value if key in _COMPARED else ("secret" if is_secret(value) else "set")
        for key, value in outputs.items()
    }


def _run(project: Project, emulator: Emulator, step: Step) -> dict[str, Any]:
    declare(project, step.program)
    for app in emulator.state()["apps"]:
        if step.deleted and app["app_name"] == step.deleted:
            Console(emulator).delete_app(app["app_id"])
    before = Counter(emulator.state()["requests"])
    try:
        result = getattr(project, step.operation)()
    except CommandError:
        result = None
    after = emulator.state()
    return {
        "failed": result is None,
        "changes": changes(result) if result is not None else {},
        "requests": dict(Counter(after["requests"]) - before),
        "keys": sorted(key["api_key_name"] for key in live_keys(emulator)),
        "charges": [charge["amount_cents"] for charge in after["charges"]],
        "state": sorted(
            (r["urn"], r.get("delete", False), sorted(_outputs(r).items()))
            for r in project.resources()
        ),
    }


def _compare(steps: list[Step]) -> None:
    """Run a history on both engines. It ends after a step that fails on both."""
    with (
        tempfile.TemporaryDirectory() as name,
        CheckedEmulator() as first,
        CheckedEmulator() as second,
    ):
        engines: dict[Engine, Emulator] = {"embedded": first, "pulumi": second}
        projects: dict[Engine, Project] = {}
        for engine, emulator in engines.items():
            folder = Path(name) / engine / "program"
            folder.mkdir(parents=True)
            projects[engine] = project = Project(folder, engine)
            project.env |= emulator.environment
            project.env["PARALLEL_AUTH_FILE"] = str(folder.parent / "auth.json")
            project.config("parallel:maxTopUpCents", "500")
        for number, step in enumerate(steps):
            ours, theirs = (_run(projects[e], engines[e], step) for e in engines)
            if ours["failed"] and theirs["failed"]:
                return
            assert ours == theirs, (number, steps)


_SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@needs_pulumi
@pytest.mark.timeout(900)
@settings(_SETTINGS, max_examples=2, derandomize=True)
@given(histories())
def test_short_random_programs_are_equal_on_both_engines(steps: list[Step]) -> None:
    """The same few histories in every run."""
    _compare(steps)


@needs_pulumi
@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@settings(_SETTINGS, max_examples=100)
@given(histories())
def test_random_programs_are_equal_on_both_engines(steps: list[Step]) -> None:
    """Other histories in every run."""
    _compare(steps)
