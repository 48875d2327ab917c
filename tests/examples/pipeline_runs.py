"""Runs the jobs of a workflow: each on a new machine, in its own shell, with fake commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from parallel_provider.testing.emulator import Emulator
from tests.examples.pipeline_platforms import PIPELINES, GitHub, Platform
from tests.examples.pipeline_services import PROJECT_ID, Services
from tests.examples.stand_ins import StandIns

_MASK = "::add-mask::"

# The requirements are already installed. The tests' interpreter does everything else.
_PYTHON = """
if sys.argv[1:3] != ["-m", "pip"]:
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
_PARALLEL_PROVIDER = """
os.execv(sys.executable, [sys.executable, "-m", "parallel_provider.cli", *sys.argv[1:]])
"""
_PULUMI = """
from urllib.request import Request, urlopen
call = {{"arguments": sys.argv[1:], "environment": dict(os.environ)}}
with urlopen(Request("{url}/pulumi", json.dumps(call).encode(), method="POST")) as answer:
    result = json.load(answer)
print(result["text"])
sys.exit(result["code"])
"""
# `gh secret set NAME --env SCOPE` and `glab variable set NAME --scope SCOPE …`
_SET_SECRET = """
if sys.argv[1:3] == ["issue", "create"]:
    sys.exit("GH_TOKEN" not in os.environ or "GH_REPO" not in os.environ)
from urllib.parse import urlencode
from urllib.request import Request, urlopen
kind, verb, name, option, scope, *options = sys.argv[1:]
assert [kind, verb, option] == {syntax!r} and {variable!r} in os.environ
query = urlencode({{"filter[environment_scope]": scope}})
url = "{url}/api/v4/projects/{project}/variables/" + name + "?" + query
data = urlencode({{"value": entry["input"].rstrip()}}).encode()
headers = {{"PRIVATE-TOKEN": os.environ[{token!r}]}}
try:
    urlopen(Request(url, data, headers, method="PUT")).close()
except OSError as error:
    sys.exit(f"failed to set secret: {{error}}")
"""


@dataclass(frozen=True)
class Outcome:
    """The result and the log of a job."""

    job: str
    succeeded: bool
    log: str


class Pipeline:
    """A workflow in its own repository, and the services that it uses."""

    def __init__(
        self, workflow: Platform, services: Services, emulator: Emulator, folder: Path
    ) -> None:
        self.workflow = workflow
        self.services = services
        self.machine_variables: dict[str, str] = {}
        self._emulator = emulator
        self._folder = folder
        self._machines = 0
        self._checkout = folder / "checkout"
        shutil.copytree(PIPELINES, self._checkout / "ci", ignore=shutil.ignore_patterns("*.yml"))
        for script in (self._checkout / "ci" / "gitlab").glob("*.py"):
            script.rename(self._checkout / "ci" / script.name)
        self.commands = StandIns(folder / "bin")
        self.commands.add("python", _PYTHON, reads_input=False)
        self.commands.add("parallel-provider", _PARALLEL_PROVIDER, reads_input=False)
        for name, syntax, token, variable in (
            ("gh", ["secret", "set", "--env"], "GH_TOKEN", "GH_REPO"),
            ("glab", ["variable", "set", "--scope"], "GITLAB_TOKEN", "GITLAB_TOKEN"),
        ):
            code = _SET_SECRET.format(
                url=services.url, project=PROJECT_ID, syntax=syntax, token=token, variable=variable
            )
            self.commands.add(name, code)
        self.commands.add("curl")
        # In its own folder, so that a real pulumi is found on a PATH without this folder.
        self.pulumi = StandIns(folder / "bin-pulumi")
        self.pulumi.add("pulumi", _PULUMI.format(url=services.url), reads_input=False)

    def run(self, event: str) -> list[Outcome]:
        """Trigger an event on the platform, and run the jobs that it starts."""
        happened = self.workflow.events[event]
        outcomes = [self._run(job) for job in self.workflow.jobs_for(happened)]
        if not all(outcome.succeeded for outcome in outcomes):
            outcomes += [self._run(job) for job in self.workflow.jobs_for(happened, failed=True)]
        return outcomes

    def shell(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script as a person or a job would, with the fake commands on PATH."""
        path = [str(self.commands.folder), str(self.pulumi.folder), os.environ["PATH"]]
        home = self._folder / f"home-{self._machines}"
        return subprocess.run(
            ["/bin/sh", "-e", "-c", script],
            cwd=self._checkout,
            env={
                "HOME": str(home),
                "PATH": os.pathsep.join(path),
                "NO_PROXY": "127.0.0.1",
                "PARALLEL_SERVICE_API_URL": self._emulator.url,
                "PARALLEL_PLATFORM_URL": self._emulator.url,
                **self.machine_variables,
                **variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )

    def _run(self, job: str) -> Outcome:
        self._machines += 1
        environment = self.workflow.environment_of(job)
        # Secrets are read when the job starts, so the next job gets the newest token.
        secrets = self.services.secrets_of(environment)
        log = ""
        for step in self.workflow.steps(job, self._known(environment), secrets):
            done = self.shell(step.script, CI="true", **self._of_runner(), **step.variables)
            # A runner treats these lines as commands, and doesn't log them.
            log += "\n".join(
                line for line in done.stdout.splitlines() if not line.startswith(_MASK)
            )
            if done.returncode != 0:
                return Outcome(job, succeeded=False, log=log)
        return Outcome(job, succeeded=True, log=log)

    def _known(self, environment: str | None) -> dict[str, str]:
        """Return the platform's values: expressions on GitHub, variables on GitLab."""
        broker = f"{self.services.url}/broker"
        if isinstance(self.workflow, GitHub):
            return {
                "github.repository": "acme/infra",
                "github.workspace": str(self._checkout),
                "vars.PARALLEL_BROKER_URL": broker,
                "steps.app.outputs.token": self.services.writer_token,
                "steps.pulumi.outputs.pulumi-access-token": self.services.pulumi_token,
                "github.token": self.services.writer_token,
                "github.server_url": "https://github.example.com",
                "github.run_id": "42",
            }
        return {
            "CI_API_V4_URL": f"{self.services.url}/api/v4",
            "CI_PROJECT_DIR": str(self._checkout),
            "CI_PROJECT_ID": PROJECT_ID,
            "CI_ENVIRONMENT_NAME": environment or "",
            "PARALLEL_BROKER_URL": broker,
            "PARALLEL_ID_TOKEN": self.services.id_token,
            "PULUMI_ID_TOKEN": self.services.pulumi_id_token,
            "ALERT_WEBHOOK_URL": self.services.webhook,
            "CI_PIPELINE_URL": "https://gitlab.example.com/42",
        }

    def _of_runner(self) -> dict[str, str]:
        """Return the variables that GitHub's runner adds if the workflow may get ID tokens."""
        if self.workflow.workflow.get("permissions", {}).get("id-token") != "write":
            return {}
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.services.url}/id-token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.services.id_token_request_token,
        }
