"""Random histories on the embedded stack and on Pulumi's engine: both do the same.

    python -m tests.embedded.test_differential 50

runs that many histories and counts the steps that are equal, with the differences.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from pulumi.automation.errors import CommandError

from tests.embedded.random_histories import FOREIGN, MOVES, Step, histories, source
from tests.embedded.toy_project import Toy
from tests.engines import Engine, Project, changes
from tests.real_pulumi import needs_pulumi

_TOY = Path(__file__).parent / "toy"
# Fields of a resource in the state that depend on the run.
_LEFT_OUT = {"created", "modified", "sourcePosition", "stackTrace"}


def _open(folder: Path, engine: Engine) -> Toy:
    program, cloud = folder / engine / "program", folder / engine / "cloud"
    program.mkdir(parents=True)
    cloud.mkdir()
    project = Project(program, engine)
    project.copy(_TOY)
    project.env["TOY_CLOUD"] = str(cloud)
    toy = Toy(project, cloud)
    toy.change(FOREIGN, value=9, password="pw")
    return toy


def _state(toy: Toy) -> list[dict[str, Any]]:
    """Return the resources in the state, without what depends on the run, in a fixed order."""
    resources = []
    for resource in toy.project.resources():
        kept = {key: value for key, value in resource.items() if key not in _LEFT_OUT}
        if kept["type"].startswith("pulumi:providers:"):
            del kept["id"]
        if "provider" in kept:
            kept["provider"] = kept["provider"].rpartition("::")[0]
        kept["dependencies"] = sorted(kept.get("dependencies", []))
        resources.append(kept)
    return sorted(resources, key=lambda r: (r["urn"], r.get("delete", False), r.get("id", "")))


def _run(toy: Toy, step: Step) -> dict[str, Any]:
    """Run one step, and return everything to compare."""
    toy.program(source(step.program))
    if step.config:
        toy.project.config("toy:token", step.config, secret=True)
    if step.drift is not None and step.drift[0] in toy.things():
        thing, value = step.drift
        if value is None:
            toy.remove(thing)
        else:
            toy.change(thing, value=value)
    if step.fail:
        toy.fail(step.fail)
    toy.journal()
    options = {"refresh": True} if step.refresh else {}
    try:
        result = getattr(toy.project, step.operation)(**options)
    except CommandError:
        result = None
    toy.mend()
    calls = sorted(json.dumps(call, sort_keys=True) for call in toy.journal())
    outputs = {
        name: (output.value, output.secret) for name, output in toy.project.stack.outputs().items()
    }
    return {
        "failed": result is None,
        "changes": changes(result) if result is not None else {},
        "calls": calls,
        "outputs": outputs,
        "things": toy.things(),
        "state": _state(toy),
    }


def compare(steps: list[Step]) -> tuple[int, str]:
    """Run a history on both engines. Return the number of equal steps and the first difference.

    A step that fails on both is tried again, without the failure. Which independent resources were
    done before the failure is a race on both engines, so only the end of the second attempt is
    compared. If that fails too, the history ends.
    """
    with tempfile.TemporaryDirectory() as name:
        embedded = _open(Path(name), "embedded")
        pulumi = _open(Path(name), "pulumi")
        for number, step in enumerate(steps):
            ours, theirs = _run(embedded, step), _run(pulumi, step)
            compared = list(ours)
            if ours["failed"] and theirs["failed"]:
                again = replace(step, fail="", drift=None, config="")
                ours, theirs = _run(embedded, again), _run(pulumi, again)
                if ours["failed"] and theirs["failed"]:
                    return number + 1, ""
                compared = ["failed", "outputs", "things", "state"]
            different = [key for key in compared if ours[key] != theirs[key]]
            if different:
                lines = [f"step {number + 1} ({step.operation}) differs in {different}"]
                lines += [
                    f"--- {s.operation} {s}\n{source(s.program)}" for s in steps[: number + 1]
                ]
                for key in different:
                    lines += [f"embedded {key}: {ours[key]}", f"pulumi   {key}: {theirs[key]}"]
                return number, "\n".join(lines)
    return len(steps), ""


_SETTINGS = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@needs_pulumi
@pytest.mark.timeout(900)
@settings(_SETTINGS, max_examples=3, derandomize=True)
@given(histories())
def test_short_random_histories_are_equal_on_both_engines(steps: list[Step]) -> None:
    """The same few histories in every run."""
    _, difference = compare(steps)
    assert not difference, difference


@needs_pulumi
@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
@settings(_SETTINGS, max_examples=300)
@example(MOVES)
@given(histories())
def test_random_histories_are_equal_on_both_engines(steps: list[Step]) -> None:
    """Other histories in every run, after one with moves between components."""
    _, difference = compare(steps)
    assert not difference, difference


def main(count: int) -> None:
    """Run histories, go on after differences, and print how many steps were equal."""
    totals: Counter[str] = Counter()

    @settings(_SETTINGS, max_examples=count, phases=[Phase.generate])
    @given(histories())
    def run(steps: list[Step]) -> None:
        equal, difference = compare(steps)
        totals.update(histories=1, steps=equal + bool(difference), equal_steps=equal)
        totals.update(equal_histories=not difference)
        sys.stdout.write((difference or f"equal: {equal} steps") + "\n")
        sys.stdout.flush()

    run()
    sys.stdout.write(f"{dict(totals)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
