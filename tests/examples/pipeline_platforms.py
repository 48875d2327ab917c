"""GitHub Actions and GitLab CI, as far as the workflows of examples/pipelines need them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

PIPELINES = Path(__file__).parents[2] / "examples" / "pipelines"
ENVIRONMENT = "parallel"

Event = Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """A script, and the variables that it is given beyond the machine's."""

    script: str
    variables: dict[str, str]


class Platform(ABC):
    """One workflow on its platform; `events` are the kinds of events that tests speak of."""

    name: ClassVar[str]
    events: ClassVar[Mapping[str, Event]]

    def __init__(self, variant: str) -> None:
        self.file = PIPELINES / self.name / f"{variant}.yml"
        self.workflow: dict[Any, Any] = yaml.safe_load(self.file.read_text())

    @property
    @abstractmethod
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs by their names."""

    @abstractmethod
    def jobs_for(self, event: Event, *, failed: bool = False) -> list[str]:
        """Say which jobs an event starts; or which of them once another job has failed."""

    @abstractmethod
    def environment_of(self, job: str) -> str | None:
        """Say which environment's secrets a job gets."""

    @abstractmethod
    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return a job's scripts, given the platform's values and the secrets of this moment."""


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
        """What starts the workflow."""
        triggers: dict[str, Any] = self.workflow[True]  # YAML 1.1 reads `on` so
        return triggers

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """The jobs by their names."""
        jobs: dict[str, dict[str, Any]] = self.workflow["jobs"]
        return jobs

    def jobs_for(self, event: Event, *, failed: bool = False) -> list[str]:
        """Say which jobs an event starts; or which of them once another job has failed."""
        if event["github.event_name"] not in self.triggers:
            return []
        values = {**event, "needs.up.result": "failure" if failed else "success"}
        jobs = [name for name, job in self.jobs.items() if _holds(job["if"], values)]
        return [name for name in jobs if ("needs" in self.jobs[name]) == failed]

    def environment_of(self, job: str) -> str | None:
        """Say which environment's secrets a job gets."""
        return self.jobs[job].get("environment")

    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return a job's scripts; those of actions aren't run."""
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
        """The jobs by their names."""
        return {name: job for name, job in self.workflow.items() if name not in self._keywords}

    def jobs_for(self, event: Event, *, failed: bool = False) -> list[str]:
        """Say which jobs an event starts; or which of them once another job has failed."""
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
        """Say which environment's variables a job gets."""
        name: str | None = self.jobs[job].get("environment", {}).get("name")
        return name

    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return the job's one script."""
        default = self.workflow["default"]
        variables = {**known, **secrets}
        given = self.workflow["variables"] | self.jobs[job].get("variables", {})
        for name, text in given.items():
            # A project's own variables count before the file's.
            variables.setdefault(name, re.sub(r"\$(\w+)", lambda v: variables.get(v[1], ""), text))
        asked = {**default, **self.jobs[job]}
        for name in ("PARALLEL_ID_TOKEN", "PULUMI_ID_TOKEN"):
            if name not in asked["id_tokens"]:
                variables.pop(name, None)
        lines = [*asked["before_script"], *asked["script"]]
        return [Step("\n".join(lines), variables)]


def _holds(condition: str, values: Event) -> bool:
    """Evaluate comparisons joined by `&&`, the only conditions that the workflows have."""
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
