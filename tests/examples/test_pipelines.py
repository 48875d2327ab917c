"""examples/pipelines: the shell steps of the workflows, against the emulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.engines import Project
from tests.examples.pipelines import (
    ENVIRONMENT,
    PIPELINES,
    VARIANTS,
    Pipeline,
    Pulumi,
    Services,
    Workflow,
    serving,
)
from tests.scenarios.clock import Clock
from tests.scenarios.story import live_keys

TOKEN = (ENVIRONMENT, "PARALLEL_REFRESH_TOKEN")
PROGRAM = """
import parallel_provider as parallel

app = parallel.App("search")
parallel.RotatingApiKey("service", app_id=app.app_id, rotate_after="20h", overlap="2h")
"""
# The time between two runs: more than the program's `rotate_after`.
NIGHT_SECONDS = 22 * 60 * 60
# The lifetime of the broker's tokens. The real ones are about as short.
TOKEN_SECONDS = 420


@pytest.fixture
def pulumi() -> Pulumi:
    """Make pulumi do nothing. `on_engine` replaces this."""
    return lambda _arguments, _environment: (0, "nothing to do")


@pytest.fixture
def pipeline(
    variant: str, emulator: Emulator, pulumi: Pulumi, tmp_path: Path
) -> Iterator[Pipeline]:
    """Give the workflow a repository, and sign in as README.md says if it needs a refresh token."""

    def broker() -> str:
        return emulator.mint_token(lifetime_seconds=TOKEN_SECONDS)

    with serving(Services(broker, pulumi)) as services:
        pipeline = Pipeline(Workflow(variant), services, emulator, tmp_path / "pipeline")
        if variant == "refresh-token":
            sign_in(pipeline, emulator)
        yield pipeline
        # No secret was ever an argument.
        arguments = {
            argument
            for call in pipeline.commands.calls + pipeline.pulumi.calls
            for argument in call.arguments
        }
        assert not [secret for secret in services.secrets if secret in " ".join(arguments)]


def sign_in(pipeline: Pipeline, emulator: Emulator) -> None:
    """Store the first refresh token with exactly the command of README.md."""
    emulator.set_settings(auto_approve=True, poll_interval_seconds=0)
    readme = (PIPELINES / "README.md").read_text().replace("\\\n", "")
    (command,) = re.findall(r"^parallel-provider login .*\| gh .*$", readme, re.MULTILINE)
    writer = pipeline.services.writer_token
    done = pipeline.shell(command, GH_TOKEN=writer, GH_REPO="acme/infra")
    assert done.returncode == 0, done.stdout
    assert TOKEN in pipeline.services.stored


def on_engine(pipeline: Pipeline, project: Project) -> None:
    """Run the pipeline's pulumi commands on this project's stack."""
    project.write(PROGRAM)
    _ = project.stack
    of_engine = dict(project.env)
    without = str(pipeline.pulumi.folder)

    def pulumi(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
        path = [part for part in environment["PATH"].split(os.pathsep) if part != without]
        own = {k: v for k, v in environment.items() if not k.startswith("PULUMI_")}
        project.env.clear()
        project.env |= own | {"PATH": os.pathsep.join(path)} | of_engine
        operation = {"preview": project.preview, "up": project.up}[arguments[0]]
        try:
            result: Any = operation()
        except CommandError as error:
            return 1, str(error)
        return 0, f"{result.stdout}{result.stderr}"

    pipeline.services.pulumi = pulumi


def succeed(pipeline: Pipeline, event: str) -> str:
    """Assert that the event's only job succeeds and logs no secret, and return the job's name."""
    (outcome,) = pipeline.run(event)
    assert outcome.succeeded, outcome.log
    assert not [secret for secret in pipeline.services.secrets if secret in outcome.log]
    return outcome.job


def refreshes(emulator: Emulator) -> int:
    """Return the number of token requests: one for the sign-in, and one for each refresh."""
    return emulator.state()["requests"].get("POST /getServiceKeys/token", 0)


@pytest.mark.parametrize("variant", VARIANTS)
def test_pipeline_previews_deploys_and_rotates(
    pipeline: Pipeline, project: Project, emulator: Emulator, variant: str
) -> None:
    """A pull request creates nothing, its merge creates the key, the next night rotates it."""
    on_engine(pipeline, project)
    clock = Clock(project, emulator)
    begun = refreshes(emulator)

    assert succeed(pipeline, "change") == "preview"
    assert live_keys(emulator) == []
    assert refreshes(emulator) == begun

    assert succeed(pipeline, "merge") == "up"
    assert [key["api_key_name"] for key in live_keys(emulator)] == ["service"]
    # The run used its refresh token once, and saved the next one. (In the night, the process that
    # refreshes doesn't have the scenario's time, so the others find its new tokens expired.)
    assert refreshes(emulator) == begun + (1 if variant == "refresh-token" else 0)

    clock.forward(seconds=NIGHT_SECONDS)
    shifted = ("PYTHONPATH", "SCENARIO_CLOCK_OFFSET_SECONDS")
    pipeline.machine_variables |= {name: project.env[name] for name in shifted}
    assert succeed(pipeline, "night") == "up"
    assert [key["api_key_name"] for key in live_keys(emulator)] == ["service", "service-2"]


@pytest.mark.parametrize("variant", ["token-command"])
def test_program_of_another_language_gets_its_plugin_first(pipeline: Pipeline) -> None:
    """The step of README.md installs the plugin and the program's package, in both jobs."""
    pipeline.workflow = Workflow("token-command", of_other_language=True)
    for event, action in (("change", "preview"), ("merge", "up")):
        before = len(pipeline.pulumi.calls)
        assert succeed(pipeline, event) == action
        calls = [call.arguments for call in pipeline.pulumi.calls[before:]]
        assert [" ".join(arguments[:5]) for arguments in calls[:2]] == [
            f"plugin install resource parallel v{__version__}",
            "install",
        ]
        assert [arguments[0] for arguments in calls[2:]] == [action]


refresh_token = pytest.mark.parametrize("variant", ["refresh-token"])


@refresh_token
def test_failed_night_raises_an_alert(pipeline: Pipeline) -> None:
    """Nobody watches the nightly run. The person who merges watches the other one."""
    pipeline.services.pulumi = lambda arguments, _environment: (arguments[0] == "up", "boom")
    up, alert = pipeline.run("night")
    assert (up.job, up.succeeded) == ("up", False)
    assert (alert.job, alert.succeeded) == ("alert", True), alert.log
    call = pipeline.commands.calls[-1]
    assert (call.command, call.arguments[:2]) == ("gh", ["issue", "create"])
    assert "https://github.example.com/acme/infra/actions/runs/42" in call.arguments[-1]
    assert [outcome.job for outcome in pipeline.run("merge")] == ["up"]


@refresh_token
def test_store_that_fails_once_after_the_refresh_is_asked_again(
    pipeline: Pipeline, emulator: Emulator
) -> None:
    """The second try saves the token that the first one got."""
    before = refreshes(emulator)
    pipeline.services.writes_work = [True, False]
    assert succeed(pipeline, "merge") == "up"
    assert refreshes(emulator) == before + 1


@refresh_token
def test_successor_that_is_lost_needs_a_new_sign_in(pipeline: Pipeline, emulator: Emulator) -> None:
    """Nothing is deployed, the errors say why, and README.md's command solves it."""
    # The workflow's rehearsal, the provider's rehearsal, and the successor.
    pipeline.services.writes_work = [True, True, False, False]
    (outcome,) = pipeline.run("merge")
    assert not outcome.succeeded
    assert "PARALLEL_REFRESH_TOKEN_SAVE_COMMAND failed" in outcome.log
    outcome, _alert = pipeline.run("night")
    assert not outcome.succeeded
    assert "invalid_grant" in outcome.log
    assert pipeline.pulumi.calls == []
    sign_in(pipeline, emulator)
    assert succeed(pipeline, "night") == "up"


@refresh_token
def test_missing_refresh_token_is_said(pipeline: Pipeline) -> None:
    """Before the first sign-in, the job says what to read, and stores nothing."""
    pipeline.services.stored.clear()
    (outcome,) = pipeline.run("merge")
    assert not outcome.succeeded
    assert "PARALLEL_REFRESH_TOKEN: is not set: see examples/pipelines/README.md" in outcome.log
    assert pipeline.services.stored == {}


def _run(script: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PIPELINES / script)],
        input=given,
        env={"NO_PROXY": "127.0.0.1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def services() -> Iterator[Services]:
    """Serve the services without a workflow."""
    with serving(
        Services(lambda: "an access token", lambda _arguments, _variables: (0, ""))
    ) as one:
        yield one


def test_script_for_gitlab_saves_the_token_that_it_reads(services: Services) -> None:
    """It changes the variable of the job's environment, and fails if GitLab refuses."""
    variables = {
        "CI_API_V4_URL": f"{services.url}/api/v4",
        "CI_PROJECT_ID": "7",
        "CI_ENVIRONMENT_NAME": ENVIRONMENT,
        "GITLAB_TOKEN": services.writer_token,
    }
    assert _run("gitlab/save_refresh_token.py", "rt_next", **variables).returncode == 0
    name = "/api/v4/projects/7/variables/PARALLEL_REFRESH_TOKEN"
    assert services.stored == {(ENVIRONMENT, name): "rt_next"}
    services.writes_work = [False]
    assert "503" in _run("gitlab/save_refresh_token.py", "rt_later", **variables).stderr


def test_broker_is_asked_with_the_id_token_of_a_gitlab_job(services: Services) -> None:
    """The script prints the access token alone."""
    variables = {"PARALLEL_BROKER_URL": f"{services.url}/broker"}
    asked = _run("broker_token.py", PARALLEL_ID_TOKEN=services.id_token, **variables)
    assert asked.stdout == "an access token"
    assert _run("broker_token.py", PARALLEL_ID_TOKEN="another", **variables).returncode == 1
