"""Whatever programs, faults, kills and clocks do, in whatever order: the books are kept.

Hypothesis makes up histories of one stack: programs that grow and shrink, answers that are lost,
processes that are killed between any two things that they do at the wire, months that pass. After
each run the server is compared with the state and with all that was ever said.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from parallel_provider.emulator.control_models import FaultKind
from parallel_provider.lifecycle.charge import idempotency_key
from parallel_provider.testing.emulator import Emulator
from tests.reliability.engine import Declared, api_key, app, rotating_key, top_up
from tests.reliability.matrix import ADD_BALANCE, APPS, BALANCE, DAY, KEYS, ONE_APP, ONE_KEY
from tests.reliability.world import Told, World

_ANY = ("*", "*")
_ROUTES = (
    ("GET", APPS),
    ("POST", APPS),
    ("DELETE", ONE_APP),
    ("POST", KEYS),
    ("DELETE", ONE_KEY),
    ("GET", BALANCE),
    ("POST", ADD_BALANCE),
)
_APP_NAMES = ("a", "b")


@dataclass(frozen=True)
class Weather:
    """A fault to come: which request, what becomes of it, and how often."""

    route: tuple[str, str]
    kind: FaultKind
    status: int | None
    times: int
    after: int


_WEATHERS = st.builds(
    lambda route, answer, times, after: Weather(route, answer[0], answer[1], times, after),
    st.just(_ANY) | st.sampled_from(_ROUTES),
    st.sampled_from(
        [
            ("status", 403),
            ("status", 429),
            ("status", 500),
            ("garbage", 500),
            ("garbage", None),
            ("drop_before", None),
            ("drop_after", None),
            ("truncate", None),
        ]
    ),
    st.sampled_from([1, 1, 2, 9]),
    st.integers(0, 5),
)

# Which resource, an option that means something else for each kind, and whether it goes.
_CHANGES = st.tuples(
    st.sampled_from(("a", "b", "k", "l", "r", "s", "t", "u")),
    st.booleans(),
    st.sampled_from((False, False, False, True)),
)


class Histories(RuleBasedStateMachine):
    """One stack, its program, and a model of what may be where."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__()
        self.emulator = emulator
        self.world = World(emulator)
        self.program: dict[str, Declared] = {}
        self.last_program: dict[str, Declared] = {}
        self.versions: Counter[str] = Counter()
        self.untold_apps = self.untold_keys = 0
        self.killed_since_success = False
        # By top-up: charges that the state recorded, in all its lives, and excuses for others.
        self.recorded: Counter[str] = Counter()
        self.excuses: Counter[str] = Counter()
        self.reasons: dict[str, str] = {}
        for name in ("a", "k", "r"):
            self.change(name, option=False, removed=False)

    def change(self, name: str, option: bool, removed: bool) -> None:
        """Change one resource of the program: a new one, other inputs, or gone.

        What `option` means differs: another app for a key, no overlap, another amount.
        """
        if removed:
            # An app goes with the keys that need it.
            for gone in [n for n, d in self.program.items() if name in (n, d.app)]:
                del self.program[gone]
            return
        self.versions[name] += 1
        version = self.versions[name]
        of = "b" if option and "b" in self.program else "a"
        if name in _APP_NAMES:
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

    @rule(part=st.sampled_from((0.0, 0.5)))
    def spend(self, part: float) -> None:
        """The organization uses its balance."""
        balance = self.emulator.state()["org"]["credit_balance_cents"]
        self.emulator.set_org(credit_balance_cents=int(balance * part))

    @rule(seconds=st.sampled_from((3_600, DAY + 60, 3 * DAY, 31 * DAY)))
    def time_passes(self, seconds: int) -> None:
        """Nobody runs anything for a while."""
        self.world.wait(seconds)

    @rule(
        changes=st.lists(_CHANGES, min_size=1, max_size=4),
        weathers=st.lists(_WEATHERS, min_size=1, max_size=3),
        killed_after=st.none() | st.none() | st.integers(0, 12),
        verb=st.sampled_from(("up", "up", "up", "up", "refresh", "destroy")),
    )
    def run(
        self,
        changes: list[tuple[str, bool, bool]],
        weathers: list[Weather],
        killed_after: int | None,
        verb: str,
    ) -> None:
        """Another program, and a run in bad weather, which may be killed at any moment."""
        for change in changes:
            self.change(*change)
        for weather in weathers:
            self._expect(weather)
        kept = [resource.resource_id for resource in self.world.stack.resources]
        self._run(verb, killed_after)
        self.emulator.clear_faults()
        if verb == "refresh":
            assert [r.resource_id for r in self.world.stack.resources] == kept

    @rule()
    def settle(self) -> None:
        """A run in fine weather completes everything, and another one finds nothing to do.

        A charge that was begun a day ago waits until its user has looked at the server.
        """
        told = self._run("up")
        for _ in ("t", "u"):
            if told.error is not None and "isn't charged again" in told.error:
                self.world.settle_charges(told.error)
                told = self._run("up")
        assert told.error is None, told.error
        assert {resource.name for resource in self.world.stack.all} == set(self.program)
        books = self.world.books()
        assert books.gone_apps == books.gone_keys == set()
        assert (books.apps - books.stray_apps, books.keys - books.stray_keys) == (
            books.held_apps,
            books.held_keys,
        )
        before = self._changes()
        self._run("up")
        assert self._changes() == before, "a second run changes something"

    @invariant()
    def books_are_kept(self) -> None:
        """Nothing is lost but what a killed process couldn't tell of, and nothing leaks."""
        books = self.world.books()
        assert not books.leaks
        assert len(books.lost_apps) <= self.untold_apps
        assert len(books.unknown_keys) <= self.untold_keys

    @invariant()
    def keys_in_use_work(self) -> None:
        """The current key of every resource is alive, and is the one that its raw value says."""
        alive = {k["api_key_id"] for k in self.emulator.state()["keys"] if k["revoked_at"] is None}
        for resource in self.world.stack.resources:
            outputs = resource.outputs
            if "raw_api_key" not in outputs:
                continue
            assert outputs["raw_api_key"][-4:] == outputs["display_value"][-4:]
            assert outputs["api_key_id"] in alive or self._may_be_dead(resource.name), (
                f"{resource.name} has a dead key"
            )

    @invariant()
    def money_is_accounted_for(self) -> None:
        """Each charge has its reason; none was made twice without an excuse."""
        made: Counter[str] = Counter()
        for charge in self.emulator.state()["charges"]:
            made[self.reasons[charge["idempotency_key"]]] += 1
        for name in ("t", "u"):
            assert abs(made[name] - self.recorded[name]) <= self.excuses[name], (
                f"{name}: {made[name]} charges, {self.recorded[name]} recorded"
            )

    def _may_be_dead(self, name: str) -> bool:
        """Without an overlap, the old key is gone before the killed run could tell of the new."""
        declared = self.program.get(name) or self.last_program.get(name)
        at_once = declared is not None and declared.inputs.get("overlap") == "0s"
        return at_once and self.killed_since_success

    def _expect(self, weather: Weather) -> None:
        method, route = weather.route
        body: dict[str, Any] = {} if weather.status is None else {"body": {"detail": "no"}}
        self.emulator.add_fault(
            weather.kind,
            method=method,
            path=route,
            status=weather.status,
            times=weather.times,
            after=weather.after,
            **body,
        )

    def _run(self, verb: str, killed_after: int | None = None) -> Told:
        stack = self.world.stack
        acts = {
            "up": lambda run: stack.up(run, self._in_order()),
            "refresh": stack.refresh,
            "destroy": stack.destroy,
        }
        self.last_program = dict(self.program)
        self._note_reasons()
        counts = self._charges_in_state()
        told = self.world.run(acts[verb], killed_after=killed_after)
        self._note_charges(counts, told)
        self._excuse_killed(stack.interrupted)
        self.killed_since_success = told.killed or (
            self.killed_since_success and told.error is not None
        )
        stack.interrupted.clear()
        return told

    def _excuse_killed(self, interrupted: list[str]) -> None:
        """Allow for what a killed process had no time to tell of: it made that, and nothing else.

        A key's answer may have been lost before, so that the second attempt was interrupted.
        """
        books = self.world.books()
        if any(step in ("creating a", "creating b") for step in interrupted):
            self.untold_apps = min(len(books.lost_apps), self.untold_apps + 1)
        elif any(step.startswith(("creating", "updating")) for step in interrupted):
            self.untold_keys = min(len(books.unknown_keys), self.untold_keys + 2)

    def _in_order(self) -> list[Declared]:
        return sorted(self.program.values(), key=lambda declared: declared.kind != "App")

    def _charges_in_state(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for resource in self.world.stack.all:
            if resource.kind == "BalanceTopUp":
                found[resource.name] += int(resource.outputs["charges"])
        return found

    def _note_reasons(self) -> None:
        """Work out the one idempotency key that each top-up may use in this run."""
        for name in ("t", "u"):
            declared = self.program.get(name)
            if declared is None:
                continue
            inputs, kept = declared.inputs, self.world.stack.find("BalanceTopUp", name)
            charges = int(kept.outputs["charges"]) if kept else 0
            identity = ("acme", "shop", "prod", name)
            reason = (charges, inputs["amount_cents"], inputs.get("triggers"))
            salt = kept.outputs.get("key_salt") if kept else None
            self.reasons[idempotency_key(identity, *reason, salt)] = name

    def _note_charges(self, before: Counter[str], told: Told) -> None:
        after = self._charges_in_state()
        for name in ("t", "u"):
            if after[name] >= before[name]:
                self.recorded[name] += after[name] - before[name]
            else:
                # Destroyed: declared again, it begins with the same key, and is charged once a day.
                self.excuses[name] += before[name]
            unknown = told.error is not None and f"BalanceTopUp {name!r}" in told.error
            if told.killed or (unknown and "isn't known" in str(told.error)):
                self.excuses[name] += 1

    def _changes(self) -> Counter[str]:
        requests = self.emulator.state()["requests"]
        return Counter(
            {
                request: n
                for request, n in requests.items()
                # By threshold, each run may charge, up to the limit.
                if not request.startswith("GET") and not request.endswith("/add")
            }
        )


def check_histories(emulator: Emulator, *, examples: int, steps: int, seeded: bool) -> None:
    """Let hypothesis look for a history that loses something."""
    machine = cast("type[Histories]", lambda: Histories(emulator))  # called, whatever it is
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=seeded,
            database=None,
            # A history that fails is shrunk; there is nothing to be explained beyond that.
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_some_histories_lose_nothing(emulator: Emulator) -> None:
    """A few, the same ones each time."""
    check_histories(emulator, examples=25, steps=20, seeded=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_histories_lose_nothing(emulator: Emulator) -> None:
    """Many, others each time."""
    check_histories(emulator, examples=500, steps=30, seeded=False)
