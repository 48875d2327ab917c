"""All cases: an operation, a fault, before or after the work, in one or in every answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from parallel_provider.lifecycle.run import Run
from tests.reliability import evidence
from tests.reliability.engine import Declared, api_key, app, rotating_key, top_up
from tests.reliability.faults import (
    FAULTS,
    GONE,
    ODD_BALANCE,
    ODD_CREATED_APP,
    ODD_DELETION,
    ODD_KEY,
    ODD_LIST,
    Fault,
)
from tests.reliability.world import Act, World

Often = Literal["once", "always"]

DAY = 86_400
APPS = "/service/v1/apps"
ONE_APP = "/service/v1/apps/{app_id}"
KEYS = "/service/v1/apps/{app_id}/keys"
ONE_KEY = "/service/v1/apps/{app_id}/keys/{api_key_id}"
BALANCE = "/service/v1/balance"
ADD_BALANCE = "/service/v1/balance/add"

_ODD_ANSWERS = {
    ("GET", APPS): ODD_LIST,
    ("POST", APPS): ODD_CREATED_APP,
    ("DELETE", ONE_APP): ODD_DELETION,
    ("POST", KEYS): ODD_KEY,
    ("DELETE", ONE_KEY): ODD_DELETION,
    ("GET", BALANCE): ODD_BALANCE,
    ("POST", ADD_BALANCE): ODD_BALANCE,
}


def _nothing(world: World) -> None:
    """Start with a new organization."""


@dataclass(frozen=True)
class Operation:
    """An operation of a run, and the request that gets the faults.

    `took_place` says whether the operation has had its effect, after the run without the fault.
    `prepare` sets up the world before the run. `verb` is the kind of run. `charges` is the highest
    number of charges.
    """

    title: str
    method: str
    route: str
    took_place: Callable[[World], bool]
    program: Sequence[Declared] = ()
    prepare: Callable[[World], None] = _nothing
    verb: Literal["up", "refresh", "balance", "apps"] = "up"
    charges: int = 1

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return the faults that can happen to this request."""
        request = (self.method, self.route)
        odd_answers = _ODD_ANSWERS[request]
        if request != ("DELETE", ONE_KEY):
            return (*FAULTS, *odd_answers)
        return (*(f for f in FAULTS if f.name != "404 before"), GONE, *odd_answers)

    def act(self, world: World) -> Act:
        """Return the function to run."""
        acts: dict[str, Act] = {
            "up": lambda run: world.stack.up(run, self.program),
            "refresh": world.stack.refresh,
            "balance": _get_balance,
            "apps": _get_apps,
        }
        return acts[self.verb]


def _get_balance(run: Run) -> None:
    balance = run.api.get_balance()
    for cents in (balance.credit_balance_cents, balance.pending_debit_balance_cents):
        assert math.isfinite(cents), f"a balance of {cents} cents is taken for a number"


def _get_apps(run: Run) -> None:
    run.apps.all()


def _up(*program: Declared) -> Callable[[World], None]:
    return lambda world: world.clean_run(lambda run: world.stack.up(run, program))


def _console_has_an_app(world: World) -> None:
    """Create an app in the console, which the run will adopt."""
    world.console_creates("search")


def _key_was_rotated(world: World) -> None:
    """Rotate a key, and wait until the overlap has passed."""
    for triggers in (1, 2):
        _up(_APP, rotating_key("svc", "search", triggers=triggers))(world)
    world.wait(3 * DAY)


def _balance_is_high(world: World) -> None:
    """Declare a top-up while the balance is above its threshold."""
    world.emulator.set_org(credit_balance_cents=1_000)
    _up(_BY_THRESHOLD)(world)


def _balance_went_low(world: World) -> None:
    """Declare a top-up with a high balance, and then lower the balance."""
    _balance_is_high(world)
    world.emulator.set_org(credit_balance_cents=100)


_APP = app("search")
_KEY = api_key("ci", "search")
_BY_THRESHOLD = top_up("credit", amount_cents=500, when_below_cents=300, monthly_limit_cents=5_000)

OPERATIONS = (
    Operation("Create an app: the list before it", "GET", APPS, evidence.app_is_new, [_APP]),
    Operation("Create an app", "POST", APPS, evidence.app_is_new, [_APP]),
    Operation(
        "Adopt an app",
        "GET",
        APPS,
        evidence.app_is_adopted,
        [app("search", adopt_existing=True)],
        prepare=_console_has_an_app,
    ),
    Operation(
        "Adopt an app that doesn't exist: its creation",
        "POST",
        APPS,
        evidence.app_is_new,
        [app("search", adopt_existing=True)],
    ),
    Operation("Create a key", "POST", KEYS, evidence.key_is_there, [_APP, _KEY], prepare=_up(_APP)),
    Operation(
        "Replace a key: its creation",
        "POST",
        KEYS,
        evidence.key_is_replaced,
        [_APP, api_key("ci", "search", triggers=2)],
        prepare=_up(_APP, _KEY),
    ),
    Operation(
        "Rotate a key",
        "POST",
        KEYS,
        evidence.key_is_rotated,
        [_APP, rotating_key("svc", "search", triggers=2)],
        prepare=_up(_APP, rotating_key("svc", "search", triggers=1)),
    ),
    Operation(
        "Revoke the previous key",
        "DELETE",
        ONE_KEY,
        evidence.previous_key_is_revoked,
        [_APP, rotating_key("svc", "search", triggers=2)],
        prepare=_key_was_rotated,
    ),
    Operation(
        "Delete a key", "DELETE", ONE_KEY, evidence.key_is_deleted, [_APP], prepare=_up(_APP, _KEY)
    ),
    Operation("Delete an app", "DELETE", ONE_APP, evidence.app_is_deleted, prepare=_up(_APP)),
    Operation(
        "Top up once: the charge",
        "POST",
        ADD_BALANCE,
        evidence.is_charged,
        [top_up("credit", amount_cents=500)],
    ),
    Operation(
        "Top up once: the balance before it",
        "GET",
        BALANCE,
        evidence.is_charged,
        [top_up("credit", amount_cents=500)],
    ),
    Operation(
        "Top up by threshold: the charge",
        "POST",
        ADD_BALANCE,
        evidence.is_charged,
        [_BY_THRESHOLD],
        prepare=_balance_went_low,
    ),
    Operation(
        "Top up by threshold: a balance that is high enough",
        "GET",
        BALANCE,
        evidence.nothing_is_charged,
        [_BY_THRESHOLD],
        prepare=_balance_is_high,
        charges=0,
    ),
    Operation(
        "Refresh an app and a key",
        "GET",
        APPS,
        evidence.app_and_key_are_read,
        prepare=_up(_APP, _KEY),
        verb="refresh",
    ),
    Operation("get_balance", "GET", BALANCE, evidence.was_answered, verb="balance"),
    Operation("get_apps, get_app", "GET", APPS, evidence.was_answered, verb="apps"),
)


@dataclass(frozen=True)
class Cell:
    """One fault of one operation: in one answer, or in every answer of the run."""

    operation: Operation
    fault: Fault
    often: Often

    @property
    def key(self) -> tuple[str, str, str]:
        """Return its key in the document."""
        return (self.operation.title, self.fault.name, self.often)


def all_cells() -> Iterator[Cell]:
    """Yield all cells, in the document's order."""
    for operation in OPERATIONS:
        for fault in operation.faults:
            for often in ("once", "always"):
                # `refused` is for the whole run: a server can't be unreachable for one answer only.
                if fault.kind != "refused" or often == "always":
                    yield Cell(operation, fault, often)
