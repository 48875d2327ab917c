"""Runs a history on a stack, and checks the records after each step."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pulumi.automation.errors import CommandError

from parallel_provider.testing.emulator import Emulator
from tests.attacks.histories import Step
from tests.attacks.programs import source
from tests.attacks.records import Ended, Records, held_in
from tests.engines import Engine, Project
from tests.native.providers import install_sdk, plugin_executable
from tests.reliability.processes import signalled
from tests.scenarios.story import NO_SUCH_APP, Console

_MAX_TOP_UP_CENTS = "1000"
_CREATED_FIRST = ("POST /service/v1/apps", "POST /service/v1/apps/{app_id}/keys")


class Attack:
    """One stack of a new organization, and its history so far."""

    def __init__(self, emulator: Emulator, engine: Engine, folder: Path) -> None:
        emulator.reset()
        self.emulator = emulator
        program, home = folder / "program", folder / "home"
        program.mkdir()
        home.mkdir()
        self.project = Project(program, engine)
        self.project.plugins["parallel"] = plugin_executable()
        install_sdk(program)
        self.project.env |= emulator.environment
        # Journals and locks of this history only.
        self.project.env |= {"HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
        self.project.env |= {"PARALLEL_AUTH_FILE": str(home / "auth.json")}
        self.project.env |= {"PARALLEL_MAX_TOP_UP_CENTS": _MAX_TOP_UP_CENTS}
        # Otherwise, giving up after lost answers takes two minutes.
        self.project.env |= {"PARALLEL_TIMEOUT_SECONDS": "3"}
        self.console = Console(emulator)
        self.texts: dict[tuple[str, str], str] = {}
        app_id = self.console.create_app("prod")
        self.console.create_key(app_id, "colleague")
        self.records = Records(emulator)
        self.records.person_did()
        self.told: list[str] = []

    def run(self, step: Step) -> None:
        """Run one step. Raises AssertionError with the whole history if something is wrong."""
        self._person_acts(step)
        program = source(step.program, self._id_of, step.timeouts)
        self.project.write(program)
        if step.fault is not None:
            self._add_fault(step)
        with self._killing(step) as hits:
            result, said = self._operate(step)
        self.emulator.clear_faults()
        ended: Ended = "killed" if hits else result
        self.records.events[f"{step.operation} {ended}"] += 1
        held = held_in(self.project.resources())
        self.told.append(f"--- {_title(step)}: {result}\n{program}\n{said}")
        if problems := self.records.check(step, held, said, ended=ended):
            raise AssertionError("\n".join([*problems, *self.told]))

    def _operate(self, step: Step) -> tuple[Literal["succeeds", "fails"], str]:
        options: dict[str, object] = {"refresh": True} if step.refresh else {}
        if step.option is not None and self.project.engine == "pulumi":
            name, urn_end = step.option
            urns = [r["urn"] for r in self.project.resources() if r["urn"].endswith(urn_end)]
            options |= {name: urns} if urns else {}
        try:
            result = getattr(self.project, step.operation)(**options)
        except CommandError as error:
            return "fails", str(error)
        return "succeeds", str(result.stdout)

    def _person_acts(self, step: Step) -> None:
        if step.console is None:
            return
        action, app_name = step.console
        found = [a for a in self.emulator.state()["apps"] if a["app_name"] == app_name]
        if action == "create app":
            self.console.create_app(app_name)
        elif found and action == "create key":
            self.console.create_key(found[0]["app_id"], "colleague")
        elif found and action == "delete app":
            self.console.delete_app(found[0]["app_id"])
        elif found:
            self.emulator.rename_app(found[0]["app_id"], f"{app_name} renamed")
        self.records.person_did()
        self.told.append(f"--- a person: {action} {app_name!r}")

    def _add_fault(self, step: Step) -> None:
        fault = step.fault
        assert fault is not None
        method, path = fault.route
        self.emulator.add_fault(
            fault.kind,
            method=method,
            path=path,
            status=fault.status if fault.kind == "status" else None,
            times=fault.times,
            after=fault.after,
            body={"detail": "no"} if fault.kind == "status" else None,
        )

    @contextlib.contextmanager
    def _killing(self, step: Step) -> Iterator[list[int]]:
        """Kill the providers during the next creation, if the step says so."""
        if not step.kill:
            yield []
            return
        route = _CREATED_FIRST[len(step.program) % 2]
        method, _, path = route.partition(" ")
        self.emulator.add_fault("delay", method=method, path=path, seconds=1.0)
        count = self.emulator.state()["requests"].get(route, 0) + 1
        with signalled(self.emulator, "provider", route, count) as watch:
            yield watch.hit

    def _id_of(self, kind: str, thing: str) -> str:
        """Return the id that a text of the program has: of what the stack has, or the oldest."""
        if (kind, thing) not in self.texts:
            found = self._find(kind, thing)
            if found is None:
                return NO_SUCH_APP if kind == "App" else f"{NO_SUCH_APP}/{NO_SUCH_APP}/none"
            self.texts[kind, thing] = found
        return self.texts[kind, thing]

    def _find(self, kind: str, thing: str) -> str | None:
        server = self.emulator.state()
        app_name, _, key_name = thing.partition("/")
        apps = [app["app_id"] for app in server["apps"] if app["app_name"] == app_name]
        if kind == "App":
            return next((a for a in apps if a in self.records.ever_held), next(iter(apps), None))
        for key in server["keys"]:
            if key["app_id"] in apps and key["api_key_name"] == key_name and not key["revoked_at"]:
                return f"{key['app_id']}/{key['api_key_id']}/{key_name}"
        return None


def run_history(
    steps: list[Step], emulator: Emulator, engine: Engine, covered: Counter[str] | None = None
) -> None:
    """Run a history on a new stack of a new organization."""
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(emulator, engine, Path(folder))
        try:
            for step in steps:
                attack.run(step)
        finally:
            if covered is not None:
                covered.update(attack.records.events)


def _title(step: Step) -> str:
    refresh = " --refresh" if step.refresh else ""
    option = f" --{step.option[0]} {step.option[1]}" if step.option else ""
    fault = f" with {step.fault}" if step.fault else ""
    return f"{step.operation}{refresh}{option}{' killed' if step.kill else ''}{fault}"
