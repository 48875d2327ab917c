"""Runs one cell of the matrix: what the user sees, what is left, and what the next run repairs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from parallel_provider.emulator.control_models import LoggedRequest
from parallel_provider.testing.emulator import Emulator
from tests.reliability.faults import Fault
from tests.reliability.matrix import Cell
from tests.reliability.world import AT_ONCE, IMPATIENT, Audit, RunOutput, World

_ALWAYS = 999
# The limit for all calls of a run together, on a machine with much else to do. Without a time
# limit, a dripping answer takes a minute.
_LONGEST_RUN_SECONDS = 40.0

_UNSTEADY = (
    (re.compile(r"pulumi-[0-9a-f]{64}"), "IDEMPOTENCY_KEY"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ| \d\d:\d\d UTC)"), "TIME"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"org_[0-9a-f]{16}"), "ORG_ID"),
)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a cell, in texts that are the same in every run.

    `reason` is the API client's message for the fault. `user` contains REASON in its place.
    """

    user: str
    server: str
    state: str
    afterwards: str
    reason: str = ""


class NotAccountedForError(AssertionError):
    """Something is lost, leaked or duplicated."""


def outcome_of(cell: Cell, emulator: Emulator) -> Outcome:
    """Run the cell: once with the fault, then twice without. Raises NotAccountedForError."""
    world = World(emulator)
    cell.operation.prepare(world)
    act = cell.operation.act(world)
    retry_policy = IMPATIENT if cell.fault.outlasts_a_call else AT_ONCE
    if cell.fault.kind != "refused":
        _add_fault(cell, emulator)
    before = len(emulator.state()["log"])
    output = world.run(act, retry_policy=retry_policy, server_away=cell.fault.kind == "refused")
    emulator.clear_faults()
    _check_fault_was_met(cell, emulator.state()["log"][before:], output)
    middle = world.audit()
    _check(cell, middle, output)

    healed = world.run(act)
    end = world.audit()
    _check(cell, end, healed)
    if healed.error is not None:
        raise NotAccountedForError(f"{cell.key}: the next run fails: {healed.error}")
    _check_done(cell, world, end)
    writes = _writes(emulator)
    again = world.run(act)
    if again.alarms or _writes(emulator) != writes:
        raise NotAccountedForError(f"{cell.key}: a third run isn't quiet: {again.alarms}")
    return Outcome(
        user=_words_of(output),
        server=_contents(middle.apps, middle.keys, middle.charged_cents),
        state=_contents(middle.held_apps, middle.held_keys, middle.held_cents),
        afterwards=_afterwards(end, healed),
        reason=_steady(output.reasons[0]) if output.reasons else "",
    )


def _add_fault(cell: Cell, emulator: Emulator) -> None:
    fault: Fault = cell.fault
    assert fault.kind != "refused"
    names = ("status", "headers", "body", "seconds", "size_bytes", "replace", "remove")
    more: dict[str, Any] = {name: getattr(fault, name) for name in names}
    emulator.add_fault(
        fault.kind,
        method=cell.operation.method,
        path=cell.operation.route,
        times=1 if cell.often == "once" else _ALWAYS,
        **more,
    )


def _check_fault_was_met(cell: Cell, log: list[LoggedRequest], output: RunOutput) -> None:
    """Check that the server has served the fault, or that the run couldn't reach it."""
    if cell.fault.kind == "refused":
        met = not log and bool(output.reasons)
    else:
        served = [request for request in log if request["fault"] == cell.fault.kind]
        met = bool(served) and (cell.often == "always" or len(served) == 1)
    if not met:
        raise NotAccountedForError(f"{cell.key}: the run didn't meet its fault: {log}")


def _check(cell: Cell, audit: Audit, output: RunOutput) -> None:
    """Check what must be true after every run."""
    wrong = {
        "lost apps": audit.lost_apps,
        "keys that nobody knows of": audit.unknown_keys,
        "charges that nobody knows of": audit.unknown_charges,
        "leaks": audit.leaks,
        "states that the engine can't keep": audit.unkept_states,
    }
    if cell.operation.method != "DELETE":
        # Until a deletion is confirmed, the state keeps the resource, and the next run tries again.
        wrong["gone though in the state"] = sorted(audit.gone_apps | audit.gone_keys)
    problems = [f"{what}: {found}" for what, found in wrong.items() if found]
    if sum(audit.charges.values()) > cell.operation.charges:
        problems.append(f"charged more than {cell.operation.charges} times: {audit.charges}")
    if output.seconds > _LONGEST_RUN_SECONDS:
        problems.append(f"took {output.seconds:.0f} seconds")
    if any("this is a bug" in line for line in output.lines):
        problems.append("an unexpected error")
    if any("\n" in line for line in output.lines):
        problems.append(f"more than one line: {output.lines}")
    if problems:
        raise NotAccountedForError(f"{cell.key}: {'; '.join(problems)} ({output.lines})")


def _check_done(cell: Cell, world: World, end: Audit) -> None:
    """Check that the next run has completed what the program declares."""
    operation = cell.operation
    if not operation.took_place(world):
        raise NotAccountedForError(f"{cell.key}: the operation didn't take place: {end}")
    if operation.verb != "up":
        return
    wanted = {(declared.kind, declared.name) for declared in operation.program}
    there = {(resource.kind, resource.name) for resource in world.stack.all}
    if wanted != there or world.stack.interrupted or end.gone_apps or end.gone_keys:
        raise NotAccountedForError(f"{cell.key}: not complete after the next run: {there}, {end}")


def _writes(emulator: Emulator) -> int:
    requests = emulator.state()["requests"]
    return sum(n for request, n in requests.items() if not request.startswith("GET"))


def _words_of(output: RunOutput) -> str:
    """Return what the user sees, with REASON for the client's messages."""
    verdict = [f"fails: {output.error}"] if output.error else ["succeeds"]
    text = " · ".join([*verdict, *(f"warning: {warning}" for warning in output.warnings)])
    for reason in sorted(set(output.reasons), key=len, reverse=True):
        text = text.replace(reason, "REASON")
    return _steady(text)


def _contents(apps: int, keys: int, cents: int) -> str:
    parts = [
        _count(apps, "app"),
        _count(keys, "key"),
        f"{cents} cents charged" if cents else "",
    ]
    return ", ".join(filter(None, parts)) or "nothing"


def _afterwards(end: Audit, healed: RunOutput) -> str:
    strays = [_count(end.stray_apps, "app"), _count(end.stray_keys, "key")]
    uncounted = end.charged_cents - end.held_cents
    remarks = [
        f"{' and '.join(filter(None, strays))} left over, named in a message"
        if any(strays)
        else "",
        f"{uncounted} cents that the state doesn't count, their idempotency key named in a message"
        if uncounted
        else "",
        "a warning says that the charge had been made before" if healed.warnings else "",
    ]
    return "; ".join(filter(None, ("complete", *remarks)))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""


def _steady(text: str) -> str:
    for pattern, replacement in _UNSTEADY:
        text = pattern.sub(replacement, text)
    return text
