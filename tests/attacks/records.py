"""What must be true after every run, by the emulator's records and the state alone.

Nothing here uses the code under test: the server's lists, Pulumi's exported state, the program and
the text that the user saw are compared.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from parallel_provider.emulator.control_models import EmulatorState
from parallel_provider.testing.emulator import Emulator
from tests.attacks.histories import Step
from tests.attacks.programs import Resource
from tests.engines import plain
from tests.native.providers import in_dynamic_form

Ended = Literal["succeeds", "fails", "killed"]
Declared = tuple[Resource, "Resource | None"]


@dataclass(frozen=True)
class Held:
    """A resource of the state: its place in the program, and the ids that it refers to."""

    urn: str
    kind: str
    resource_id: str
    outputs: dict[str, Any]
    leaving: bool
    external: bool

    @property
    def app_ids(self) -> set[str]:
        """Return the apps that it refers to."""
        app_id = self.resource_id if self.kind == "App" else self.outputs.get("app_id")
        return {app_id} if app_id else set()

    @property
    def managed(self) -> set[str]:
        """Return what it manages, and would delete."""
        apps = self.app_ids if self.kind == "App" and not self.external else set()
        return self.key_ids | apps

    @property
    def key_ids(self) -> set[str]:
        """Return the keys that it refers to."""
        names = ("api_key_id", "previous_api_key_id")
        return {self.outputs[name] for name in names if self.outputs.get(name)}


def held_in(resources: list[dict[str, Any]]) -> list[Held]:
    """Return the resources of both doors in an exported state."""
    return [*_held_in(resources)]


def _held_in(resources: list[dict[str, Any]]) -> Iterator[Held]:
    for resource in map(in_dynamic_form, resources):
        kind = resource["type"].rpartition(":")[2]
        if "parallel" in resource["type"] and not resource["type"].startswith("pulumi:"):
            outputs = {name: plain(value) for name, value in resource.get("outputs", {}).items()}
            leaving = bool(resource.get("delete") or resource.get("pendingReplacement"))
            external = bool(resource.get("external"))
            yield Held(resource["urn"], kind, resource.get("id", ""), outputs, leaving, external)


@dataclass
class Records:
    """What one stack has had, and what people have done, until now."""

    emulator: Emulator
    by_people: set[str] = field(default_factory=set)
    deleted_by_people: set[str] = field(default_factory=set)
    ever_held: set[str] = field(default_factory=set)
    declared_as_existing: set[str] = field(default_factory=set)
    excused: set[str] = field(default_factory=set)
    charged: dict[str, int] = field(default_factory=dict)
    booked: dict[str, int] = field(default_factory=dict)
    said: str = ""
    events: Counter[str] = field(default_factory=Counter)
    _alive: set[str] = field(default_factory=set)
    _made_by_runs: set[str] = field(default_factory=set)
    _held: list[Held] = field(default_factory=list)
    # What the last successful run has declared, with the app that a key refers to.
    _applied: dict[str, Declared] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_people |= _ids(self.emulator.state())

    def person_did(self) -> None:
        """Take what is there now as made by people, and what is gone as deleted by them."""
        server = self.emulator.state()
        known = self.ever_held | self.excused
        self.by_people |= _ids(server) - known - self._made_by_runs
        self.deleted_by_people |= self._alive - _alive(server)
        self._alive = _alive(server)

    def check(self, step: Step, held: list[Held], said: str, *, ended: Ended) -> list[str]:
        """Compare everything after a run. Return what is wrong."""
        server = self.emulator.state()
        alive = _alive(server)
        self.said += said
        self._made_by_runs |= _ids(server) - self.by_people
        gone = self._alive - alive
        problems = [
            *self._dead_references(step, held, alive),
            *self._unknown(held, server, killed=ended == "killed"),
            *self._deleted_of_others(step, server, gone),
            *self._deleted_unasked(step, server, gone),
            *self._charges(held, server),
        ]
        self._note(step, held, gone, server)
        self._alive, self._held = alive, held
        if step.operation == "up":
            self._note_program(step, complete=ended == "succeeds" and step.option is None)
        return problems

    def _dead_references(self, step: Step, held: list[Held], alive: set[str]) -> Iterator[str]:
        """Everything that a resource which stays in the state refers to lives."""
        dead_of = {
            each.urn: (each.app_ids | each.key_ids) - alive - self.deleted_by_people - self.excused
            for each in held
            if not each.leaving and step.operation != "destroy" and _declares(step, each)
        }
        partial = step.option is not None and step.option[0] != "replace"
        for urn, dead in dead_of.items():
            if dead and not partial:
                yield f"dead reference: {urn} refers to {sorted(dead)}"
        # What a run has left dead isn't reported again.
        self.excused |= {id_ for each in held for id_ in each.app_ids | each.key_ids} - alive

    def _unknown(self, held: list[Held], server: EmulatorState, *, killed: bool) -> Iterator[str]:
        """Everything that lives is in a state, or was named, or was there before."""
        text = json.dumps([each.outputs for each in held])
        apps = {each.resource_id for each in held if each.kind == "App"}
        for app in server["apps"]:
            known = app["app_id"] in self.by_people | self.excused | apps
            named = app["app_id"] in self.said or f"named {app['app_name']!r}" in self.said
            if not known and not named:
                yield from self._report(f"unknown app: {app}", app["app_id"], killed=killed)
        for key in server["keys"]:
            known = key["api_key_id"] in self.by_people | self.excused or key["api_key_id"] in text
            named = key["api_key_id"] in self.said or repr(key["api_key_name"]) in self.said
            if key["revoked_at"] is None and not known and not named:
                yield from self._report(f"unknown key: {key}", key["api_key_id"], killed=killed)

    def _report(self, problem: str, id_: str, *, killed: bool) -> Iterator[str]:
        """Yield a problem once. A killed process couldn't tell of what it was creating."""
        self.excused.add(id_)
        if not killed:
            yield problem

    def _deleted_of_others(
        self, step: Step, server: EmulatorState, gone: set[str]
    ) -> Iterator[str]:
        """Nothing that this stack never had was deleted, and nothing declared as existing."""
        never_had = (gone & self.by_people) - self.ever_held - self.deleted_by_people
        apps_of = {key["api_key_id"]: key["app_id"] for key in server["keys"]}
        for id_ in sorted(never_had):
            # With an app that the stack may delete go the keys that others have created in it.
            if apps_of.get(id_) not in gone:
                yield f"deleted something of others: {id_} by {step.operation}"
        for id_ in sorted(gone & self.declared_as_existing - self.deleted_by_people):
            yield f"deleted an app that is declared as existing: {id_} by {step.operation}"

    def _deleted_unasked(self, step: Step, server: EmulatorState, gone: set[str]) -> Iterator[str]:
        """What a resource holds is deleted only if the program has changed that resource."""
        if step.operation == "destroy" or step.option is not None:
            return
        apps_of = {key["api_key_id"]: key["app_id"] for key in server["keys"]}
        for id_ in sorted(gone - self.deleted_by_people):
            holders = [each for each in self._held if id_ in each.managed]
            with_app = apps_of.get(id_) in gone
            if holders and not with_app and all(self._is_unchanged(step, h) for h in holders):
                yield f"deleted without a change of the program: {id_} of {holders[0].urn}"

    def _is_unchanged(self, step: Step, holder: Held) -> bool:
        if holder.leaving:
            return False
        if step.operation == "refresh":
            return True
        now = next((d for end, d in _declared(step).items() if holder.urn.endswith(end)), None)
        before = next((d for end, d in self._applied.items() if holder.urn.endswith(end)), None)
        return now is not None and now == before

    def _note_program(self, step: Step, *, complete: bool) -> None:
        """Note what is declared. After a run that failed, nobody knows what of it was done."""
        declared = _declared(step)
        self._applied = {
            end: each
            for end, each in declared.items()
            if complete or self._applied.get(end) == each
        }

    def _charges(self, held: list[Held], server: EmulatorState) -> Iterator[str]:
        """Charges booked in states are charges made, and one open charge stops all others."""
        made = {charge["idempotency_key"]: charge["amount_cents"] for charge in server["charges"]}
        open_before = self.charged.keys() - self.booked.keys()
        for each in held:
            if each.kind == "BalanceTopUp" and each.outputs.get("last_idempotency_key"):
                key = each.outputs["last_idempotency_key"]
                self.booked[key] = int(each.outputs["last_charge_cents"])
                if each.outputs["total_charged_cents"] > sum(made.values()):
                    yield f"booked more than was charged: {each.outputs}"
        for key, cents in self.booked.items():
            if made.get(key) != cents:
                yield f"booked a charge that wasn't made: {key} of {cents} cents"
        new = made.keys() - self.charged.keys()
        for key in sorted(new):
            if key not in self.booked and key not in self.said:
                yield f"unknown charge: {key}"
            if still_open := open_before - self.booked.keys():
                yield f"charged {key} while the outcome of {sorted(still_open)} wasn't known"
        self.charged = made

    def _note(self, step: Step, held: list[Held], gone: set[str], server: EmulatorState) -> None:
        for each in held:
            ids = each.managed
            declared = next((r for r in step.program if each.urn.endswith(r.urn_end)), None)
            how = "" if declared is None else declared.how
            # With another name, what the state has is an earlier app, which couldn't be replaced.
            is_that_app = declared and declared.app_name == each.outputs.get("app_name")
            adopts = how in ("adopt", "existing") and is_that_app
            if each.kind == "App" and adopts and not each.leaving:
                self.events["adoptions"] += bool(ids - self.ever_held & self.by_people)
                self.declared_as_existing |= ids
            if how == "import":
                self.events["imports"] += bool(ids - self.ever_held)
                self.declared_as_existing -= ids
            self.ever_held |= ids
        log = server["log"]
        self.events["deleted apps"] += len(gone - {key["api_key_id"] for key in server["keys"]})
        self.events["revoked keys"] += len(gone & {key["api_key_id"] for key in server["keys"]})
        self.events["charges"] = len(server["charges"])
        self.events["faults"] = sum(request["fault"] is not None for request in log)
        self.events["rotations"] = max(
            [self.events["rotations"], *(int(e.outputs.get("generation", 1)) - 1 for e in held)]
        )


def _declared(step: Step) -> dict[str, Declared]:
    apps = {resource.name: resource for resource in step.program if resource.kind == "App"}
    return {each.urn_end: (each, apps.get(each.app)) for each in step.program}


def _declares(step: Step, each: Held) -> bool:
    return any(each.urn.endswith(resource.urn_end) for resource in step.program)


def _ids(server: EmulatorState) -> set[str]:
    return {app["app_id"] for app in server["apps"]} | {k["api_key_id"] for k in server["keys"]}


def _alive(server: EmulatorState) -> set[str]:
    """Return the ids of all apps, and of all keys that work."""
    working = {key["api_key_id"] for key in server["keys"] if key["revoked_at"] is None}
    return {app["app_id"] for app in server["apps"]} | working
