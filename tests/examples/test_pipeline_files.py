"""examples/pipelines: what the files of the workflows say."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

from tests.examples.pipelines import ENVIRONMENT, EVENTS, PIPELINES, VARIANTS, Workflow

variants = pytest.mark.parametrize("variant", VARIANTS)


@variants
def test_events_start_the_right_job(variant: str) -> None:
    """A pull request is previewed. Only main is deployed, and again every night."""
    started = {name: Workflow(variant).jobs_for(event) for name, event in EVENTS.items()}
    jobs = {"change": ["preview"], "merge": ["up"], "night": ["up"]}
    assert started == {**jobs, "fork": [], "branch": []}


@variants
def test_up_runs_one_at_a_time_and_is_never_cancelled(variant: str) -> None:
    """The job that deploys waits until the previous one has ended."""
    workflow, gitlab = Workflow(variant), _gitlab(variant)
    concurrency = {"group": "parallel", "cancel-in-progress": False}
    assert workflow.jobs["up"]["concurrency"] == concurrency
    assert "concurrency" not in workflow.content
    assert gitlab["up"]["resource_group"] == "parallel"
    assert gitlab["up"]["interruptible"] is False


@variants
def test_preview_gets_nothing_of_the_deployments_environment(variant: str) -> None:
    """The preview gets no secret that can write, and doesn't sign in with one."""
    workflow, gitlab = Workflow(variant), _gitlab(variant)
    assert workflow.jobs["up"]["environment"] == gitlab["up"]["environment"]["name"] == ENVIRONMENT
    for preview in (workflow.jobs["preview"], gitlab["preview"]):
        assert "environment" not in preview
        for name in ("PARALLEL_REFRESH_TOKEN", "SECRETS_APP", "GITLAB_TOKEN"):
            assert name not in str(preview)


@variants
def test_gitlab_deploys_only_main_and_reports_a_failed_night(variant: str) -> None:
    """A merge request is previewed. All files sign in to Pulumi Cloud and report in one way."""
    pipeline = _gitlab(variant)
    assert pipeline["up"]["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]
    merge_request = {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'}
    assert pipeline["preview"]["rules"] == [merge_request]
    night = {"if": '$CI_PIPELINE_SOURCE == "schedule"', "when": "on_failure"}
    assert pipeline["alert"]["rules"] == [night]
    first = _gitlab(VARIANTS[0])
    assert pipeline["alert"] == first["alert"]
    assert pipeline["default"]["before_script"] == first["default"]["before_script"]
    for scripts in (pipeline["default"]["before_script"], pipeline["alert"]["script"]):
        checked = subprocess.run(
            ["/bin/sh", "-n"], input="\n".join(scripts), text=True, check=False
        )
        assert checked.returncode == 0


@variants
def test_github_workflow_passes_secrets_as_variables_alone(variant: str) -> None:
    """Scripts have no expressions, no event runs a fork's code with secrets, few permissions."""
    workflow = Workflow(variant)
    for job in workflow.jobs.values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
    assert set(workflow.triggers) == {"pull_request", "push", "schedule", "workflow_dispatch"}
    assert workflow.triggers["push"] == {"branches": ["main"]}
    # The ID token is for Pulumi Cloud and the broker. The alert needs none.
    assert workflow.content["permissions"] == {"contents": "read", "id-token": "write"}
    assert workflow.jobs["alert"]["permissions"] == {"issues": "write"}


@variants
def test_checkouts_of_the_github_workflow_keep_no_credentials(variant: str) -> None:
    """They leave no token for the program."""
    steps = [step for job in Workflow(variant).jobs.values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 2
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@variants
def test_no_access_token_of_pulumi_cloud_is_stored(variant: str) -> None:
    """Each job exchanges its ID token for one that is valid for an hour."""
    workflow = Workflow(variant)
    assert "PULUMI_ACCESS_TOKEN" not in str(_gitlab(variant))
    assert "secrets.PULUMI_ACCESS_TOKEN" not in workflow.file.read_text()
    for name in ("preview", "up"):
        (exchange,) = [
            step
            for step in workflow.jobs[name]["steps"]
            if step.get("uses", "").startswith("pulumi/auth-actions@")
        ]
        # Only the step that needs it gets the token.
        assert exchange["with"]["export-environment-variables"] is False
        given = [s for s in workflow.jobs[name]["steps"] if "PULUMI_ACCESS" in str(s)]
        assert len(given) == 1


def _gitlab(variant: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PIPELINES / "gitlab" / f"{variant}.yml").read_text())
    return content
