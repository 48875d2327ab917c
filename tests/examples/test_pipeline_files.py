"""examples/pipelines: what the files of the workflows say."""

from __future__ import annotations

import re

from tests.examples.pipeline_platforms import ENVIRONMENT, GitHub, Platform, platforms, variants

# The newest major versions in the actions' repositories.
CURRENT_ACTIONS = {
    "actions/checkout v7",
    "actions/setup-python v7",
    "actions/create-github-app-token v3",
    "pulumi/actions v7",
    "pulumi/auth-actions v2",
}
_PINNED = re.compile(r"uses: (\S+)@[0-9a-f]{40} # (v\d+)\.\d+\.\d+$", re.MULTILINE)


@platforms
@variants
def test_events_start_the_right_job(workflow: Platform) -> None:
    """A pull request is previewed. Only main is deployed, and again every night."""
    started = {name: workflow.jobs_for(event) for name, event in workflow.events.items()}
    assert started.pop("fork", []) == []
    assert started == {"change": ["preview"], "merge": ["up"], "night": ["up"], "branch": []}


@platforms
@variants
def test_up_runs_one_at_a_time_and_is_never_cancelled(workflow: Platform) -> None:
    """The job that deploys waits until the previous one has ended."""
    up = workflow.jobs["up"]
    if isinstance(workflow, GitHub):
        assert up["concurrency"] == {"group": "parallel", "cancel-in-progress": False}
        assert "concurrency" not in workflow.workflow
    else:
        assert up["resource_group"] == "parallel"
        assert up["interruptible"] is False
    assert workflow.environment_of("up") == ENVIRONMENT


@platforms
@variants
def test_preview_gets_nothing_of_the_deployments_environment(workflow: Platform) -> None:
    """The preview gets no secret that can write, and doesn't sign in with one."""
    assert workflow.environment_of("preview") is None
    given = str(workflow.jobs["preview"])
    for name in ("PARALLEL_REFRESH_TOKEN", "SECRETS_APP", "GITLAB_TOKEN"):
        assert name not in given


@variants
def test_github_workflow_passes_secrets_as_variables_alone(variant: str) -> None:
    """Scripts have no expressions, no event runs a fork's code with secrets, few permissions."""
    workflow = GitHub(variant)
    for job in workflow.jobs.values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
    assert set(workflow.triggers) == {"pull_request", "push", "schedule", "workflow_dispatch"}
    assert workflow.triggers["push"] == {"branches": ["main"]}
    # The ID token is for Pulumi Cloud and the broker. The alert needs none.
    assert workflow.workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert workflow.jobs["alert"]["permissions"] == {"issues": "write"}


@variants
def test_github_workflow_uses_current_actions_which_keep_no_credentials(variant: str) -> None:
    """The checkout leaves no token for the program. Each action is pinned, and no old version."""
    workflow = GitHub(variant)
    steps = [step for job in workflow.jobs.values() for step in job["steps"]]
    pinned = _PINNED.findall(workflow.file.read_text())
    assert len(pinned) == len([step for step in steps if "uses" in step])
    assert {f"{action} {major}" for action, major in pinned} <= CURRENT_ACTIONS
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == 2
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


@platforms
@variants
def test_no_access_token_of_pulumi_cloud_is_stored(workflow: Platform) -> None:
    """Each job exchanges its ID token for one that is valid for an hour."""
    text = workflow.file.read_text()
    assert "secrets.PULUMI_ACCESS_TOKEN" not in text
    if isinstance(workflow, GitHub):
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
    else:
        assert "PULUMI_ACCESS_TOKEN" not in text
