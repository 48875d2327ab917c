"""Runs the shell steps of the GitHub workflows in examples/pipelines, with fake commands.

Each job runs in its own shell. The secret store, the ID tokens, the broker and Pulumi are one small
server on this machine.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

from parallel_provider.testing.emulator import Emulator
from tests.examples.stand_ins import StandIns

PIPELINES = Path(__file__).parents[2] / "examples" / "pipelines"
README = PIPELINES / "README.md"
VARIANTS = ("access-token", "token-command", "refresh-token")
ENVIRONMENT = "parallel"

_INSTALL = "Install what the program requires"
_MASK = "::add-mask::"
_MAIN = {"github.repository": "acme/infra", "github.ref": "refs/heads/main"}
_PULL_REQUEST = {
    "github.event_name": "pull_request",
    "github.repository": "acme/infra",
    "github.ref": "refs/pull/1/merge",
    "github.actor": "somebody",
    "github.event.pull_request.head.repo.full_name": "acme/infra",
}
EVENTS: Mapping[str, Mapping[str, str]] = {
    "change": _PULL_REQUEST,
    "fork": _PULL_REQUEST | {"github.event.pull_request.head.repo.full_name": "somebody/infra"},
    "merge": _MAIN | {"github.event_name": "push"},
    "night": _MAIN | {"github.event_name": "schedule"},
    "branch": _MAIN | {"github.event_name": "workflow_dispatch", "github.ref": "refs/heads/other"},
}

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
# `gh issue create …`, and `gh secret set NAME --env SCOPE`
_GH = """
if sys.argv[1:3] == ["issue", "create"]:
    sys.exit("GH_TOKEN" not in os.environ or "GH_REPO" not in os.environ)
from urllib.parse import urlencode
from urllib.request import Request, urlopen
kind, verb, name, option, scope = sys.argv[1:]
assert [kind, verb, option] == ["secret", "set", "--env"] and "GH_REPO" in os.environ
data = urlencode({{"name": name, "scope": scope, "value": entry["input"].rstrip()}}).encode()
headers = {{"Authorization": "Bearer " + os.environ["GH_TOKEN"]}}
try:
    urlopen(Request("{url}/secrets", data, headers, method="PUT")).close()
except OSError as error:
    sys.exit(f"failed to set secret: {{error}}")
"""

Pulumi = Callable[[list[str], dict[str, str]], tuple[int, str]]


@dataclass(frozen=True)
class Step:
    """A script, and its variables in addition to the machine's."""

    script: str
    variables: dict[str, str]


class Workflow:
    """A workflow of GitHub Actions.

    For a program in another language than Python, it installs what README.md says for these.
    """

    def __init__(self, variant: str, *, of_other_language: bool = False) -> None:
        self.file = PIPELINES / "github" / f"{variant}.yml"
        self.content: dict[Any, Any] = yaml.safe_load(self.file.read_text())
        if of_other_language:
            [shown] = re.findall(r"```yaml\n(.*?)```", README.read_text(), re.DOTALL)
            for job in ("preview", "up"):
                steps = self.content["jobs"][job]["steps"]
                [index] = [i for i, each in enumerate(steps) if each.get("name") == _INSTALL]
                steps[index : index + 1] = yaml.safe_load(shown)
        self.jobs: dict[str, dict[str, Any]] = self.content["jobs"]
        self.triggers: dict[str, Any] = self.content[True]  # YAML 1.1 reads `on` as true

    def jobs_for(self, event: Mapping[str, str], *, failed: bool = False) -> list[str]:
        """Return the jobs that an event starts. With `failed`: those that start after a failure."""
        if event["github.event_name"] not in self.triggers:
            return []
        values = {**event, "needs.up.result": "failure" if failed else "success"}
        jobs = [name for name, job in self.jobs.items() if _holds(job["if"], values)]
        return [name for name in jobs if ("needs" in self.jobs[name]) == failed]

    def steps(self, job: str, known: Mapping[str, str], secrets: Mapping[str, str]) -> list[Step]:
        """Return a job's scripts, without those of actions."""
        values = {**known, **{f"secrets.{name}": value for name, value in secrets.items()}}

        def filled_in(text: str) -> str:
            return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: values.get(found[1], ""), text)

        return [
            Step(
                filled_in(step["run"]),
                {
                    name: filled_in(text)
                    for name, text in (self.content["env"] | step.get("env", {})).items()
                },
            )
            for step in self.jobs[job]["steps"]
            if "run" in step
        ]


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """Evaluate comparisons joined by `&&`. The workflows have no other conditions."""

    def operand(text: str) -> str:
        return text[1:-1] if text.startswith("'") else values.get(text, "")

    for part in condition.removeprefix("always() && ").split("&&"):
        left, operator, right = part.split()
        assert operator in ("==", "!=")
        if (operand(left) == operand(right)) != (operator == "=="):
            return False
    return True


@dataclass
class Services:
    """The state of the services, which tests read and change."""

    broker_gives: Callable[[], str]
    pulumi: Pulumi
    url: str = ""
    # By environment and name. The platform's jobs read it.
    stored: dict[tuple[str, str], str] = field(default_factory=dict)
    # Whether each of the next writes succeeds. All later writes succeed.
    writes_work: list[bool] = field(default_factory=list)
    writer_token: str = field(default_factory=lambda: secrets.token_hex(16))
    id_token: str = field(default_factory=lambda: secrets.token_hex(16))
    id_token_request_token: str = field(default_factory=lambda: secrets.token_hex(16))
    pulumi_token: str = field(default_factory=lambda: secrets.token_hex(16))
    given_out: set[str] = field(default_factory=set)

    @property
    def secrets(self) -> set[str]:
        """Everything that must never be printed."""
        own = {self.writer_token, self.id_token, self.id_token_request_token, self.pulumi_token}
        return own | self.given_out | set(self.stored.values())

    def store(self, scope: str, name: str, value: str) -> HTTPStatus:
        """Write a secret."""
        if self.writes_work and not self.writes_work.pop(0):
            return HTTPStatus.SERVICE_UNAVAILABLE
        self.given_out.add(value)
        self.stored[scope, name] = value
        return HTTPStatus.OK

    def access_token(self) -> str:
        """Issue an access token, as the broker."""
        token = self.broker_gives()
        self.given_out.add(token)
        return token


@contextmanager
def serving(services: Services) -> Iterator[Services]:
    """Serve at `services.url` until the block ends."""

    class Handler(_Handler):
        state = services

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        services.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield services
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Services

    def do_GET(self) -> None:
        """Serve GitHub's ID tokens."""
        asked = urlsplit(self.path)
        if not self._has_bearer(self.state.id_token_request_token):
            self._answer(HTTPStatus.UNAUTHORIZED)
        elif parse_qs(asked.query).get("audience") != [f"{self.state.url}/broker"]:
            self._answer(HTTPStatus.BAD_REQUEST)
        else:
            self._answer(HTTPStatus.OK, {"value": self.state.id_token})

    def do_PUT(self) -> None:
        """Serve the store behind the fake gh, and GitLab's variables."""
        asked = urlsplit(self.path)
        form = {name: value for name, [value] in parse_qs(self._body().decode()).items()}
        if asked.path == "/secrets" and self._has_bearer(self.state.writer_token):
            self._answer(self.state.store(form["scope"], form["name"], form["value"]))
        elif self.headers["PRIVATE-TOKEN"] == self.state.writer_token:
            [scope] = parse_qs(asked.query)["filter[environment_scope]"]
            self._answer(self.state.store(scope, asked.path, form["value"]))
        else:
            self._answer(HTTPStatus.UNAUTHORIZED)

    def do_POST(self) -> None:
        """Serve the broker and the fake pulumi."""
        body = self._body()
        if self.path == "/pulumi":
            call = json.loads(body)
            code, text = self.state.pulumi(call["arguments"], call["environment"])
            self._answer(HTTPStatus.OK, {"code": code, "text": text})
        elif self._has_bearer(self.state.id_token):
            self._answer(HTTPStatus.OK, {"access_token": self.state.access_token()})
        else:
            self._answer(HTTPStatus.UNAUTHORIZED)

    def log_message(self, *_arguments: object) -> None:
        """Print nothing."""

    def _has_bearer(self, token: str) -> bool:
        return bool(self.headers["Authorization"] == f"Bearer {token}")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"] or 0))

    def _answer(self, status: HTTPStatus, body: dict[str, Any] | None = None) -> None:
        content = json.dumps(body or {}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@dataclass(frozen=True)
class Outcome:
    """The result and the log of a job."""

    job: str
    succeeded: bool
    log: str


class Pipeline:
    """A workflow in its own repository, and the services that it uses."""

    def __init__(
        self, workflow: Workflow, services: Services, emulator: Emulator, folder: Path
    ) -> None:
        self.workflow = workflow
        self.services = services
        self.machine_variables: dict[str, str] = {}
        self._emulator = emulator
        self._folder = folder
        self._machines = 0
        self._checkout = folder / "checkout"
        shutil.copytree(PIPELINES, self._checkout / "ci", ignore=shutil.ignore_patterns("*.yml"))
        self.commands = StandIns(folder / "bin")
        self.commands.add("python", _PYTHON, reads_input=False)
        self.commands.add("parallel-provider", _PARALLEL_PROVIDER, reads_input=False)
        self.commands.add("gh", _GH.format(url=services.url))
        # In its own folder, so that a real pulumi is found on a PATH without this folder.
        self.pulumi = StandIns(folder / "bin-pulumi")
        self.pulumi.add("pulumi", _PULUMI.format(url=services.url), reads_input=False)

    def run(self, event: str) -> list[Outcome]:
        """Trigger an event on the platform, and run the jobs that it starts."""
        outcomes = [self._run(job) for job in self.workflow.jobs_for(EVENTS[event])]
        if not all(outcome.succeeded for outcome in outcomes):
            after = self.workflow.jobs_for(EVENTS[event], failed=True)
            outcomes += [self._run(job) for job in after]
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
        environment = self.workflow.jobs[job].get("environment")
        # Secrets are read when the job starts, so the next job gets the newest token.
        stored = self.services.stored.items()
        secrets = {name: value for (scope, name), value in stored if scope == environment}
        log = ""
        for step in self.workflow.steps(job, self._known(), secrets):
            done = self.shell(step.script, CI="true", **self._of_runner(), **step.variables)
            # A runner treats these lines as commands, and doesn't log them.
            log += "\n".join(
                line for line in done.stdout.splitlines() if not line.startswith(_MASK)
            )
            if done.returncode != 0:
                return Outcome(job, succeeded=False, log=log)
        return Outcome(job, succeeded=True, log=log)

    def _known(self) -> dict[str, str]:
        """Return the values of the platform's expressions."""
        return {
            "github.repository": "acme/infra",
            "github.workspace": str(self._checkout),
            "vars.PARALLEL_BROKER_URL": f"{self.services.url}/broker",
            "steps.app.outputs.token": self.services.writer_token,
            "steps.pulumi.outputs.pulumi-access-token": self.services.pulumi_token,
            "github.token": self.services.writer_token,
            "github.server_url": "https://github.example.com",
            "github.run_id": "42",
        }

    def _of_runner(self) -> dict[str, str]:
        """Return the variables that GitHub's runner adds if the workflow may get ID tokens."""
        if self.workflow.content.get("permissions", {}).get("id-token") != "write":
            return {}
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.services.url}/id-token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.services.id_token_request_token,
        }
