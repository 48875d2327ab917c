"""Simulates GitHub Actions and GitLab CI, as far as the workflows of examples/pipelines need it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

PIPELINES = Path(__file__).parents[2] / "examples" / "pipelines"
ENVIRONMENT = "parallel"

Event = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """A script, and its variables in addition to the machine's."""

    script: str
    variables: dict[str, str]


class Platform(ABC):
    """One workflow on its platform. `events` maps the tests' event names to platform values."""

    name: ClassVar[str]
    events: ClassVar[Mapping[str, Event]]

    def __init__(self, variant: str) -> None:
        self.file = PIPELINES / self.name / f"{variant}.yml"
        self.workflow: dict[Any, Any] = yaml.safe_load(self.file.read_text())

    @property
    @abstractmethod
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs by name."""

    @abstractmethod
    def jobs_for(self, event: Event, *, failed: bool = False) -> list[str]:
        """Return the jobs that an event starts. With `failed`: those that start after a failure."""

    @abstractmethod
    def environment_of(self, job: str) -> str | None:
        """Return the environment whose secrets a job gets."""

    @abstractmethod
    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return a job's scripts, with the platform's values and the current secrets filled in."""


class GitHub(Platform):
    """GitHub Actions."""

    name = "github"
    _main: ClassVar = {"github.repository": "acme/infra", "github.ref": "refs/heads/main"}
    _pull_request: ClassVar = {
        "github.event_name": "pull_request",
        "github.repository": "acme/infra",
        "github.ref": "refs/pull/1/merge",
        "github.actor": "somebody",
        "github.event.pull_request.head.repo.full_name": "acme/infra",
    }
    events: ClassVar[Mapping[str, Event]] = {
        "change": _pull_request,
        "fork": _pull_request | {"github.event.pull_request.head.repo.full_name": "somebody/infra"},
        "merge": _main | {"github.event_name": "push"},
        "night": _main | {"github.event_name": "schedule"},
        "branch": _main
        | {"github.event_name": "workflow_dispatch", "github.ref": "refs/heads/other"},
    }

    @property
    def triggers(self) -> dict[str, Any]:
        """The events that start the workflow."""
        triggers: dict[str, Any] = self.workflow[True]  # YAML 1.1 reads `on` as true
        return triggers

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs by name."""
        jobs: dict[str, dict[str, Any]] = self.workflow["jobs"]
        return jobs

    def jobs_for(self, event: Event, *, failed: bool = False) -> list[str]:
        """Return the jobs that an event starts. With `failed`: those that start after a failure."""
        if event["github.event_name"] not in self.triggers:
            return []
        values = {**event, "needs.up.result": "failure" if failed else "success"}
        jobs = [name for name, job in self.jobs.items() if _holds(job["if"], values)]
        return [name for name in jobs if ("needs" in self.jobs[name]) == failed]

    def environment_of(self, job: str) -> str | None:
        """Return the environment whose secrets a job gets."""
        return self.jobs[job].get("environment")

    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return a job's scripts, without those of actions."""
        values = {**known, **{f"secrets.{name}": value for name, value in secrets.items()}}

        def value(expression: re.Match[str]) -> str:
            return values.get(expression[1], "")

        return [
            Step(
                re.sub(r"\$\{\{ (.*?) \}\}", value, step["run"]),
                {
                    name: re.sub(r"\$\{\{ (.*?) \}\}", value, text)
                    for name, text in (self.workflow["env"] | step.get("env", {})).items()
                },
            )
            for step in self.jobs[job]["steps"]
            if "run" in step
        ]


class GitLab(Platform):
    """GitLab CI."""

    name = "gitlab"
    _main: ClassVar = {"CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "main"}
    events: ClassVar[Mapping[str, Event]] = {
        "change": {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_DEFAULT_BRANCH": "main"},
        "merge": _main | {"CI_PIPELINE_SOURCE": "push"},
        "night": _main | {"CI_PIPELINE_SOURCE": "schedule"},
        "branch": _main | {"CI_PIPELINE_SOURCE": "web", "CI_COMMIT_BRANCH": "other"},
    }
    _keywords = ("workflow", "variables", "default")

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs by name."""
        return {name: job for name, job in self.workflow.items() if name not in self._keywords}

    def jobs_for(self, event: Event, *, failed: bool = False) -> list[str]:
        """Return the jobs that an event starts. With `failed`: those that start after a failure."""
        when = "on_failure" if failed else "on_success"

        def fits(rules: list[dict[str, str]], when: str = "on_success") -> bool:
            return any(
                _holds(rule["if"], event) and rule.get("when", "on_success") == when
                for rule in rules
            )

        if not fits(self.workflow["workflow"]["rules"]):
            return []
        return [name for name, job in self.jobs.items() if fits(job["rules"], when)]

    def environment_of(self, job: str) -> str | None:
        """Return the environment whose variables a job gets."""
        name: str | None = self.jobs[job].get("environment", {}).get("name")
        return name

    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return the job's only script."""
        default = self.workflow["default"]
        variables = {**known, **secrets}
        given = self.workflow["variables"] | self.jobs[job].get("variables", {})
        for name, text in given.items():
            # A project's variables take precedence over the file's.
            variables.setdefault(name, re.sub(r"\$(\w+)", lambda v: variables.get(v[1], ""), text))
        asked = {**default, **self.jobs[job]}
        for name in ("PARALLEL_ID_TOKEN", "PULUMI_ID_TOKEN"):
            if name not in asked["id_tokens"]:
                variables.pop(name, None)
        lines = [*asked["before_script"], *asked["script"]]
        return [Step("\n".join(lines), variables)]


def _holds(condition: str, values: Event) -> bool:
    """Evaluate comparisons joined by `&&`. The workflows have no other conditions."""
    compare: dict[str, Callable[[str, str], bool]] = {
        "==": lambda left, right: left == right,
        "!=": lambda left, right: left != right,
    }

    def operand(text: str) -> str:
        return text[1:-1] if text[0] in "'\"" else values.get(text.lstrip("$"), "")

    for part in condition.removeprefix("always() && ").split("&&"):
        left, operator, right = part.split()
        if not compare[operator](operand(left), operand(right)):
            return False
    return True


PLATFORMS: dict[str, type[Platform]] = {"github": GitHub, "gitlab": GitLab}
VARIANTS = ("access-token", "token-command", "refresh-token")

platforms = pytest.mark.parametrize("platform", PLATFORMS)
variants = pytest.mark.parametrize("variant", VARIANTS)
