"""Runs the steps on a stack, and shows the changes and the API calls."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from itertools import groupby
from typing import Literal

import httpx
from pulumi.automation import ConfigValue, DestroyResult, OpType, RefreshResult, Stack, UpResult

from examples.demo.engine import install_plugin, uninterrupted
from examples.demo.screen import Screen
from parallel_provider.testing import EmbeddedStack
from parallel_provider.testing.emulator import Emulator

_API = "/service/v1"
_SECONDS_PER_DAY = 86_400
_APP = re.compile(r"/apps/[^/]+")
_KEY = re.compile(r"/keys/[^/]+")

# What both engines print when a resource is done: " +  TYPE NAME created (0.1s)".
_DONE = re.compile(r" (\+-|[-+~]) +(\S+) (\S+) (create|update|replace|delete)d?(?: \(|$)")
_DONE_WORDS = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "same": "unchanged",
}


class Stage:
    """Runs the commands that a user would type, and shows the results."""

    def __init__(self, stack: Stack | EmbeddedStack, emulator: Emulator, screen: Screen) -> None:
        self.stack = stack
        self.emulator = emulator
        self.screen = screen

    def config(self, key: str, value: str) -> None:
        """Set one value of the stack's configuration."""
        self.screen.command(f"pulumi config set {key} {value}")
        self.stack.set_config(key, ConfigValue(value))

    def install_plugin(self) -> None:
        """Install the native plugin."""
        self.screen.command("parallel-provider plugin install")
        with uninterrupted(self.stack), self.screen.busy("plugin install"):
            install_plugin()

    def pulumi(self, operation: Literal["up", "refresh", "destroy"]) -> None:
        """Run an operation; show the engine's changes and the API calls."""
        self.screen.command(f"pulumi {operation}")
        calls_before = len(self.emulator.state()["log"])
        started = time.monotonic()
        result: UpResult | RefreshResult | DestroyResult
        with uninterrupted(self.stack), self.screen.busy(operation):
            if operation == "up":
                result = self.stack.up(on_output=self._heard)
            elif operation == "refresh":
                result = self.stack.refresh(on_output=self._heard)
            else:
                result = self.stack.destroy(on_output=self._heard)
        counts = _counts(result.summary.resource_changes or {})
        self.screen.summary(_first_sentences(result.stdout), counts, time.monotonic() - started)
        self._show_api(calls_before)

    def show_outputs(self) -> None:
        """Show what the program exports, without secret values."""
        outputs = self.stack.outputs()
        self.screen.outputs(
            {name: "[secret]" if out.secret else out.value for name, out in outputs.items()}
        )

    def delete_app(self) -> None:
        """Delete the program's app without Pulumi."""
        app_id = self.stack.outputs()["app_id"].value
        httpx.delete(
            f"{self.emulator.url}{_API}/apps/{app_id}",
            headers={"Authorization": f"Bearer {self.emulator.access_token}"},
        ).raise_for_status()

    def date_keys_back(self, days: int) -> None:
        """Make the API date new keys so many days in the past."""
        self.emulator.set_clock(-days * _SECONDS_PER_DAY)

    def _heard(self, line: str) -> None:
        if done := _DONE.match(line):
            mark, kind, name, verb = done.groups()
            self.screen.change(mark, kind.rpartition(":")[2], name, _DONE_WORDS[verb])

    def _show_api(self, calls_before: int) -> None:
        state = self.emulator.state()
        calls = [(call["method"], _template(call["path"])) for call in state["log"][calls_before:]]
        keys = sorted(
            f"{key['api_key_name']} ({key['api_key_id'][:4]}…)"
            for key in state["keys"]
            if key["revoked_at"] is None
        )
        self.screen.api([(call, len(list(group))) for call, group in groupby(calls)], keys)


def _template(path: str) -> str:
    """Return an API path as a template, as in the API's documentation."""
    return _KEY.sub("/keys/{api_key_id}", _APP.sub("/apps/{app_id}", path.removeprefix(_API)))


def _counts(changes: Mapping[OpType, int]) -> list[str]:
    # At run time, Pulumi's operations are plain strings; the annotated type is wrong.
    counts = {OpType(operation).value: count for operation, count in changes.items()}
    return [f"{counts[word]} {done}" for word, done in _DONE_WORDS.items() if counts.get(word)]


def _first_sentences(stdout: str) -> list[str]:
    """Return the first sentence of each diagnostic; diagnostics are indented under a heading."""
    _, _, said = stdout.partition("\nDiagnostics:\n")
    said, _, _ = said.partition("\nOutputs:\n")
    return [
        line.strip().partition(". ")[0].rstrip(".") + "."
        for line in said.splitlines()
        if line.startswith("    ")
    ]
