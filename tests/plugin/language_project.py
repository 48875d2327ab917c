"""The quickstart in each language, with the plugin installed as the README of each says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.real_pulumi import pulumi_environment
from tools.documents.package import NAMES

ROOT = Path(__file__).parents[2]
CLOCK = ROOT / "tests" / "scenarios" / "shifted_clock"
PROGRAMS = {
    "yaml": ROOT / "examples" / "yaml",
    "typescript": ROOT / "examples" / "typescript",
    "go": ROOT / "examples" / "go",
}
PYTHON = f"""
import pulumi
import {NAMES.python} as parallel

config = pulumi.Config()

app = parallel.App("search", app_name=config.get("appName"))
ci = parallel.ApiKey(
    "ci", app_id=app.app_id, triggers={{"quarter": config.get("quarter") or "2026Q4"}}
)
service = parallel.RotatingApiKey("service", app_id=app.app_id, rotate_after="30d", overlap="2d")
environment: dict[str, pulumi.Input[str]] = {{"PARALLEL_API_KEY": service.raw_api_key}}
pulumi.Stash("worker", input=environment)

pulumi.export("appId", app.app_id)
pulumi.export("organization", app.org_name)
pulumi.export("balanceCents", parallel.get_balance_output().credit_balance_cents)
pulumi.export("ciKey", ci.display_value)
pulumi.export("ciRawApiKey", ci.raw_api_key)
pulumi.export("serviceKey", service.display_value)
pulumi.export("serviceRawApiKey", service.raw_api_key)
"""
"""The same program, with the SDK that Pulumi generates for Python."""
NEEDS = {
    "yaml": ("pulumi-language-yaml",),
    "typescript": ("pulumi-language-nodejs", "npm"),
    "go": ("pulumi-language-go", "go"),
    "python": ("pulumi-language-python",),
}


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where one of these programs isn't on PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(programs)} on PATH")


class LanguageProject:
    """A copy of a program, its stack `dev`, and everything that Pulumi writes, in one folder.

    With `package`, the plugin isn't installed: these are the arguments of `pulumi package add`.
    """

    def __init__(
        self, folder: Path, emulator: Emulator, language: str, package: Sequence[str] = ()
    ) -> None:
        self._emulator = emulator
        self.folder = folder / "program"
        self._state = folder / "state"
        if language == "python":
            self.folder.mkdir()
            (self.folder / "__main__.py").write_text(PYTHON)
        else:
            ignored = shutil.ignore_patterns("sdks", "node_modules", "bin")
            shutil.copytree(PROGRAMS[language], self.folder, ignore=ignored)
        self.env = {**emulator.environment, **pulumi_environment(folder)}
        if not package:
            program = Path(sys.executable).with_name("parallel-provider")
            self.run(str(program), "plugin", "install")
        if language == "typescript":
            self.run("npm", "install", "--no-audit", "--no-fund")
        if language == "python":
            self._write_python_project(folder / "venv")
        if language != "yaml" or package:
            self.run("pulumi", "package", "add", *(package or ["parallel"]))
        self.stack = automation.Stack.create(
            "dev", automation.LocalWorkspace(work_dir=str(self.folder), env_vars=self.env)
        )

    def run(self, *command: str) -> None:
        """Run a command in the program's folder."""
        run_in(self.folder, {**os.environ, **self.env}, *command)

    def set_days(self, days: float) -> None:
        """Move the clocks of the emulator and of the plugin to so many days from now."""
        seconds = days * 86_400
        self._emulator.set_clock(seconds)
        self.set_variable("PYTHONPATH", str(CLOCK))
        self.set_variable("SCENARIO_CLOCK_OFFSET_SECONDS", str(seconds))

    def set_variable(self, name: str, value: str) -> None:
        """Set an environment variable for the runs from now on."""
        self.env[name] = value

    def stored_state(self) -> str:
        """Return the text of the state's file and of all its backups."""
        return "".join(path.read_text() for path in self._state.rglob("*.json*"))

    def config(self, key: str, value: str) -> None:
        """Set a value of the stack's configuration."""
        self.stack.set_config(key, automation.ConfigValue(value))

    def resource(self, name: str) -> dict[str, Any]:
        """Return a resource of the state."""
        deployment: Any = self.stack.export_stack().deployment
        [found] = [each for each in deployment["resources"] if each["urn"].endswith(f"::{name}")]
        resource: dict[str, Any] = found
        return resource

    def _write_python_project(self, venv: Path) -> None:
        options = {"toolchain": "pip", "virtualenv": str(venv)}
        project = {"name": "quickstart", "runtime": {"name": "python", "options": options}}
        (self.folder / "Pulumi.yaml").write_text(json.dumps(project))
        pulumi = f"pulumi=={version_of_the_sdk()}\n"
        (self.folder / "requirements.txt").write_text(pulumi)
        self.run(sys.executable, "-m", "venv", str(venv))
        self.run(str(venv / "bin" / "pip"), "install", "-q", "-r", "requirements.txt")


def run_in(folder: Path, environment: Mapping[str, str], *command: str) -> str:
    """Run a command that succeeds, with nothing on its standard input; return all it prints."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def version_of_the_sdk() -> str:
    """Return the version of Pulumi's SDK in this environment."""
    from importlib.metadata import version  # noqa: PLC0415 - one use

    return version("pulumi")
