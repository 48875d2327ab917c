"""Random histories of programs, faults, kills and time: nothing is lost and nothing leaks.

Hypothesis generates histories of one stack: programs get and lose resources, answers are lost,
processes are killed between any two steps on the network, months pass. After each run, the server
is compared with the state and with all messages so far. All histories together must have had every
kind of change: a search that never rotates a key proves nothing about rotations.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any, cast

from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from parallel_provider.lifecycle.balance_top_up import idempotency_key
from parallel_provider.lifecycle.run import ResourceNames
from parallel_provider.testing.emulator import Emulator
from tests.reliability.engine import Declared, api_key, app, rotating_key, top_up
from tests.reliability.matrix import DAY
from tests.reliability.planned_faults import PLANNED_FAULTS, PlannedFault
from tests.reliability.world import RunOutput, World

_APP_NAMES = ("a", "b", "c")
_CREATING_APPS = tuple(f"creating {name}" for name in _APP_NAMES)
_SHARED = "shared"  # the name of the app that `c` adopts

KINDS = (
    "adoptions",
    "charges",
    "deleted apps",
    "faults",
    "kills",
    "new apps",
    "new keys",
    "revocations",
    "rotations",
)
"""What the histories of a run must have had, each at least once."""

# A resource, an option with a meaning for each type, and whether the resource is removed.
_CHANGES = st.tuples(
    st.sampled_from(("a", "b", "c", "k", "l", "r", "s", "t", "u")),
    st.booleans(),
    st.sampled_from((False, False, False, True)),
)


class Histories(RuleBasedStateMachine):
    """One stack, its program, and a model of what may exist."""

    def __init__(self, emulator: Emulator, covered: Counter[str] | None = None) -> None:
        super().__init__()
        self.all_covered = Counter() if covered is None else covered
        self.kills = 0
        self.emulator = emulator
        self.world = World(emulator)
        self.program: dict[str, Declared] = {}
        self.versions: Counter[str] = Counter()
        self.unreported_apps = self.unreported_keys = 0
        # Rotating keys without an overlap, in runs that were killed since the last success.
        self.killed_without_overlap: set[str] = set()
        # For each top-up: all recorded charges, and the number of charges that may differ.
        self.recorded: Counter[str] = Counter()
        self.allowed_differences: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        for name in ("a", "k", "r"):
            self.change(name, option=False, removed=False)

    def change(self, name: str, option: bool, removed: bool) -> None:
        """Add, change or remove one resource of the program.

        The meaning of `option` depends on the resource: another app, no overlap, another amount.
        """
        if removed:
            # The keys of a removed app are removed too.
            for gone in [n for n, d in self.program.items() if name in (n, d.app)]:
                del self.program[gone]
            return
        self.versions[name] += 1
        version = self.versions[name]
        of = next((n for n in ("c", "b") if option and n in self.program), "a")
        if name == "c":
            self.program[name] = app(name, app_name=_SHARED, adopt_existing=True)
        elif name in _APP_NAMES:
            self.program[name] = app(name, app_name=f"{name}-{version}" if option else name)
        elif name == "t":
            amount = 700 if option else 500
            self.program[name] = top_up(name, amount_cents=amount, triggers=version)
        elif name == "u":
            limits = {"when_below_cents": 300, "monthly_limit_cents": 1_000}
            self.program[name] = top_up(name, amount_cents=900 if option else 500, **limits)
        elif of in self.program and name in ("k", "l"):
            self.program[name] = api_key(name, of, triggers=version)
        elif of in self.program:
            overlap = "0s" if option else "2d"
            self.program[name] = rotating_key(name, of, overlap=overlap, triggers=version)

    @rule()
    def console_creates_the_shared_app(self) -> None:
        """A person creates the app that `c` adopts, unless there is one."""
        if _SHARED not in {app["app_name"] for app in self.emulator.state()["apps"]}:
            self.world.console_creates(_SHARED)

    @rule(part=st.sampled_from((0.0, 0.5)))
    def spend(self, part: float) -> None:
        """The organization uses its balance."""
        balance = self.emulator.state()["org"]["credit_balance_cents"]
        self.emulator.set_org(credit_balance_cents=int(balance * part))

    @rule(seconds=st.sampled_from((3_600, DAY + 60, 3 * DAY, 31 * DAY)))
    def time_passes(self, seconds: int) -> None:
        """Time passes without a run."""
        self.world.wait(seconds)

    @rule(
        changes=st.lists(_CHANGES, min_size=1, max_size=4),
        faults=st.lists(PLANNED_FAULTS, min_size=1, max_size=3),
        killed_after=st.none() | st.none() | st.integers(0, 12),
        verb=st.sampled_from(("up", "up", "up", "up", "refresh", "destroy")),
    )
    def run(
        self,
        changes: list[tuple[str, bool, bool]],
        faults: list[PlannedFault],
        killed_after: int | None,
        verb: str,
    ) -> None:
        """Change the program, and run it with faults and perhaps a kill."""
        for change in changes:
            self.change(*change)
        for fault in faults:
            self._expect(fault)
        kept = [resource.resource_id for resource in self.world.stack.resources]
        self._run(verb, killed_after)
        self.emulator.clear_faults()
        if verb == "refresh":
            assert [r.resource_id for r in self.world.stack.resources] == kept

    @rule()
    def settle(self) -> None:
        """A run without faults completes everything, and another one finds nothing to do.

        A charge that began a day ago waits until its user has settled it.
        """
        output = self._run("up")
        for _ in ("t", "u"):
            if output.error is not None and "isn't charged, as" in output.error:
                self.world.settle_charges(output.error)
                output = self._run("up")
        assert output.error is None, output.error
        assert {resource.name for resource in self.world.stack.all} == set(self.program)
        audit = self.world.audit()
        assert audit.gone_apps == audit.gone_keys == set()
        assert (audit.apps - audit.stray_apps, audit.keys - audit.stray_keys) == (
            audit.held_apps,
            audit.held_keys,
        )
        before = self._changes()
        self._run("up")
        assert self._changes() == before, "a second run changes something"

    @invariant()
    def nothing_is_lost(self) -> None:
        """Nothing is lost, except what a killed process couldn't report, and nothing leaks."""
        audit = self.world.audit()
        assert not audit.leaks
        assert len(audit.lost_apps) <= self.unreported_apps
        assert len(audit.unknown_keys) <= self.unreported_keys

    @invariant()
    def apps_of_others_stay(self) -> None:
        """No run deletes what a person created, also if it was adopted."""
        assert self.world.by_console <= {app["app_id"] for app in self.emulator.state()["apps"]}

    @invariant()
    def keys_in_use_work(self) -> None:
        """The current key of every resource works, and its raw value belongs to its id."""
        alive = {k["api_key_id"] for k in self.emulator.state()["keys"] if k["revoked_at"] is None}
        for resource in self.world.stack.resources:
            outputs = resource.outputs
            if not outputs.get("raw_api_key"):
                continue
            assert outputs["raw_api_key"][-4:] == outputs["display_value"][-4:]
            assert outputs["api_key_id"] in alive or self._may_be_revoked(resource.name), (
                f"{resource.name} has a dead key"
            )

    @invariant()
    def money_is_accounted_for(self) -> None:
        """Each charge has its reason, and none is made twice unless a kill allows it."""
        made: Counter[str] = Counter()
        for charge in self.emulator.state()["charges"]:
            made[self.reasons[charge["idempotency_key"]]] += 1
        for name in ("t", "u"):
            assert abs(made[name] - self.recorded[name]) <= self.allowed_differences[name], (
                f"{name}: {made[name]} charges, {self.recorded[name]} recorded"
            )

    def covered(self) -> Counter[str]:
        """Count what happened, by the server's records and the state."""
        server, stack = self.emulator.state(), self.world.stack
        revoked = [key["api_key_id"] for key in server["keys"] if key["revoked_at"] is not None]
        ids = {app["app_id"] for app in server["apps"]}
        return Counter(
            {
                "adoptions": sum(r.resource_id in self.world.by_console for r in stack.all),
                "charges": len(server["charges"]),
                "deleted apps": len({key["app_id"] for key in server["keys"]} - ids),
                "faults": sum(request["fault"] is not None for request in server["log"]),
                "kills": self.kills,
                "new apps": len(ids - self.world.at_first - self.world.by_console),
                "new keys": len(server["keys"]),
                "revocations": len(revoked),
                "rotations": sum(r.outputs.get("generation", 1) - 1 for r in stack.all),
            }
        )

    def teardown(self) -> None:
        """Say what this history had, and add it to what all of them had."""
        covered = self.covered()
        note(f"this history had {dict(covered)}")
        self.all_covered.update(covered)

    def _may_be_revoked(self, name: str) -> bool:
        """Without an overlap, a killed run may revoke the old key before it stores the new one."""
        return name in self.killed_without_overlap

    def _expect(self, fault: PlannedFault) -> None:
        method, route = fault.route
        body: dict[str, Any] = {} if fault.status is None else {"body": {"detail": "no"}}
        self.emulator.add_fault(
            fault.kind,
            method=method,
            path=route,
            status=fault.status,
            times=fault.times,
            after=fault.after,
            **body,
        )

    def _run(self, verb: str, killed_after: int | None = None) -> RunOutput:
        stack = self.world.stack
        acts = {
            "up": lambda run: stack.up(run, self._in_order()),
            "refresh": stack.refresh,
            "destroy": stack.destroy,
        }
        self._note_reasons()
        counts = self._charges_in_state()
        output = self.world.run(acts[verb], killed_after=killed_after)
        self.kills += output.killed
        self._note_charges(counts, output)
        self._allow_for_kill(stack.interrupted)
        if output.killed:
            self.killed_without_overlap |= {
                name for name, each in self.program.items() if each.inputs.get("overlap") == "0s"
            }
        elif output.error is None:
            self.killed_without_overlap.clear()
        stack.interrupted.clear()
        return output

    def _allow_for_kill(self, interrupted: list[str]) -> None:
        """Allow what a killed process created and couldn't report, but nothing else.

        For a key, the first answer may be lost too, so two keys may be unreported.
        """
        audit = self.world.audit()
        if any(step in _CREATING_APPS for step in interrupted):
            self.unreported_apps = min(len(audit.lost_apps), self.unreported_apps + 1)
        elif any(step.startswith(("creating", "updating")) for step in interrupted):
            self.unreported_keys = min(len(audit.unknown_keys), self.unreported_keys + 2)

    def _in_order(self) -> list[Declared]:
        return sorted(self.program.values(), key=lambda declared: declared.kind != "App")

    def _charges_in_state(self) -> Counter[str]:
        # Without those that wait for their deletion: one that is declared again is a new one.
        found: Counter[str] = Counter()
        for resource in self.world.stack.resources:
            if resource.kind == "BalanceTopUp":
                found[resource.name] += int(resource.outputs["charges"])
        return found

    def _note_reasons(self) -> None:
        """Compute the one idempotency key that each top-up may use in this run."""
        for name in ("t", "u"):
            declared = self.program.get(name)
            if declared is None:
                continue
            inputs, kept = declared.inputs, self.world.stack.find("BalanceTopUp", name)
            charges = int(kept.outputs["charges"]) if kept else 0
            identity = ResourceNames("acme", "shop", "prod", name, "")
            reason = (charges, inputs["amount_cents"], inputs.get("triggers"))
            self.reasons[idempotency_key(identity, *reason)] = name

    def _note_charges(self, before: Counter[str], output: RunOutput) -> None:
        after = self._charges_in_state()
        for name in ("t", "u"):
            if after[name] >= before[name]:
                self.recorded[name] += after[name] - before[name]
            else:
                # It was destroyed. Declared again, it starts with the same key, charged once a day.
                self.allowed_differences[name] += before[name]
            unknown = output.error is not None and f"BalanceTopUp {name!r}" in output.error
            if output.killed or (unknown and "isn't known" in str(output.error)):
                self.allowed_differences[name] += 1

    def _changes(self) -> Counter[str]:
        requests = self.emulator.state()["requests"]
        return Counter(
            {
                request: n
                for request, n in requests.items()
                # With a threshold, each run may charge, up to the limit.
                if not request.startswith("GET") and not request.endswith("/add")
            }
        )


def check_histories(emulator: Emulator, *, examples: int, steps: int, seeded: bool) -> None:
    """Make hypothesis search for a history that loses something. Each of KINDS must happen."""
    covered: Counter[str] = Counter()
    machine = cast("type[Histories]", lambda: Histories(emulator, covered))  # it is only called
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=seeded,
            database=None,
            # A failing history is shrunk. Hypothesis's explain phase isn't needed.
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
    sys.stdout.write(f"the histories had {dict(sorted(covered.items()))}\n")
    assert not [kind for kind in KINDS if not covered[kind]], dict(covered)
