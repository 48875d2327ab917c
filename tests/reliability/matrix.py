"""All cases: an operation, a fault, before or after the work, once or in the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from parallel_provider.lifecycle.run import Run
from parallel_provider.testing.emulator_state import FaultKind
from tests.reliability.engine import Declared, api_key, app, rotating_key, top_up
from tests.reliability.world import Act, World

When = Literal["before", "after"]
Often = Literal["once", "always"]

DAY = 86_400
APPS = "/service/v1/apps"
ONE_APP = "/service/v1/apps/{app_id}"
KEYS = "/service/v1/apps/{app_id}/keys"
ONE_KEY = "/service/v1/apps/{app_id}/keys/{api_key_id}"
BALANCE = "/service/v1/balance"
ADD_BALANCE = "/service/v1/balance/add"

_PAGE = "<html><body>Bad gateway</body></html>"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request, before the server has done what it asks for, or after."""

    title: str
    when: When
    kind: FaultKind | Literal["refused"]
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def name(self) -> str:
        """Return what it is called in the document."""
        return f"{self.title} {self.when}"


def _before(status: int, title: str = "", **more: Any) -> Fault:  # noqa: ANN401 - fields of Fault
    return Fault(title or str(status), "before", "status", status, **more)


def _after(status: int, title: str = "", body: object = None) -> Fault:
    # The emulator's `garbage` does the work, and then answers whatever it is told to.
    answer = {"detail": "Injected fault"} if body is None else body
    return Fault(title or str(status), "after", "garbage", status, body=answer)


FAULTS = (
    _before(401),
    _before(402),
    _before(403),
    _before(404),
    _before(408),
    _before(429, headers={"Retry-After": "1"}),
    _before(500),
    _before(502, "502 HTML", body=_PAGE),
    _before(503, "503 Retry-After", headers={"Retry-After": "1"}),
    Fault("dropped", "before", "drop_before"),
    Fault("refused", "before", "refused"),
    _after(408),
    _after(500),
    _after(502, "502 HTML", body=_PAGE),
    Fault("dropped", "after", "drop_after"),
    Fault("truncated", "after", "truncate"),
    Fault("garbage", "after", "garbage"),
    Fault("delayed", "after", "delay"),
    Fault("hanging", "after", "hang"),
)
# Of a key, nothing but the answer to its deletion tells whether it is gone.
_GONE = _after(404, body={"detail": "API key not found"})

# Python reads it as a number, and nothing is below it or above it.
_NAN = _after(
    200,
    "NaN",
    body={
        "org_id": "org_0000000000000000",
        "credit_balance_cents": "nan",
        "pending_debit_balance_cents": 0,
        "will_invoice": False,
    },
)


def _nothing(world: World) -> None:
    """Begin with an organization that nobody has used."""


@dataclass(frozen=True)
class Operation:
    """One thing that a run does, and the request in it that the faults are for.

    `prepare` brings the world to where the run begins; `passing` counts the requests of the kind
    that go well before; `verb` says what is run.
    """

    title: str
    method: str
    route: str
    program: Sequence[Declared] = ()
    prepare: Callable[[World], None] = _nothing
    verb: Literal["up", "refresh", "balance", "apps"] = "up"
    passing: int = 0

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Return the faults that can happen to this request."""
        if self.route in (BALANCE, ADD_BALANCE) and self.verb == "up":
            return (*FAULTS, _NAN)
        if (self.method, self.route) != ("DELETE", ONE_KEY):
            return FAULTS
        return (*(fault for fault in FAULTS if fault.name != "404 before"), _GONE)

    def act(self, world: World) -> Act:
        """Return what is run."""
        acts: dict[str, Act] = {
            "up": lambda run: world.stack.up(run, self.program),
            "refresh": world.stack.refresh,
            "balance": _get_balance,
            "apps": _get_apps,
        }
        return acts[self.verb]


def _get_balance(run: Run) -> None:
    run.require_allowed_organization()
    run.api.get_balance()


def _get_apps(run: Run) -> None:
    run.require_allowed_organization()
    run.apps.all()


def _up(*program: Declared) -> Callable[[World], None]:
    return lambda world: world.clean_run(lambda run: world.stack.up(run, program))


def _console_has_an_app(world: World) -> None:
    """Somebody has made an app in the console, which the run is to take over."""
    world.clean_run(lambda run: _ignore(run.api.create_app("search")))
    world.console_made_all_apps()


def _key_was_rotated(world: World) -> None:
    """A key was rotated, and the overlap is over."""
    for triggers in (1, 2):
        _up(_APP, rotating_key("svc", "search", triggers=triggers))(world)
    world.wait(3 * DAY)


def _balance_went_low(world: World) -> None:
    """A top-up watches the balance, which was high and now is low."""
    world.emulator.set_org(credit_balance_cents=1_000)
    _up(_BY_THRESHOLD)(world)
    world.emulator.set_org(credit_balance_cents=100)


def _ignore(_value: object) -> None:
    pass


_APP = app("search")
_KEY = api_key("ci", "search")
_BY_THRESHOLD = top_up("credit", amount_cents=500, when_below_cents=300, monthly_limit_cents=5_000)

OPERATIONS = (
    Operation("Create an app: the look before it", "GET", APPS, [_APP]),
    Operation("Create an app", "POST", APPS, [_APP]),
    Operation(
        "Adopt an app",
        "GET",
        APPS,
        [app("search", adopt_existing=True)],
        prepare=_console_has_an_app,
    ),
    Operation(
        "Adopt an app that isn't there: its creation",
        "POST",
        APPS,
        [app("search", adopt_existing=True)],
    ),
    Operation(
        "Adopt an app that isn't there: the look after its creation",
        "GET",
        APPS,
        [app("search", adopt_existing=True)],
        passing=2,
    ),
    Operation("Create a key", "POST", KEYS, [_APP, _KEY], prepare=_up(_APP)),
    Operation(
        "Replace a key: its creation",
        "POST",
        KEYS,
        [_APP, api_key("ci", "search", triggers=2)],
        prepare=_up(_APP, _KEY),
    ),
    Operation(
        "Rotate a key",
        "POST",
        KEYS,
        [_APP, rotating_key("svc", "search", triggers=2)],
        prepare=_up(_APP, rotating_key("svc", "search", triggers=1)),
    ),
    Operation(
        "Retire the previous key",
        "DELETE",
        ONE_KEY,
        [_APP, rotating_key("svc", "search", triggers=2)],
        prepare=_key_was_rotated,
    ),
    Operation("Delete a key", "DELETE", ONE_KEY, [_APP], prepare=_up(_APP, _KEY)),
    Operation("Delete an app", "DELETE", ONE_APP, prepare=_up(_APP)),
    Operation("Top up once: the charge", "POST", ADD_BALANCE, [top_up("credit", amount_cents=500)]),
    Operation(
        "Top up once: the look at the balance before it",
        "GET",
        BALANCE,
        [top_up("credit", amount_cents=500)],
    ),
    Operation(
        "Top up by threshold: the charge",
        "POST",
        ADD_BALANCE,
        [_BY_THRESHOLD],
        prepare=_balance_went_low,
    ),
    Operation("Refresh an app and a key", "GET", APPS, prepare=_up(_APP, _KEY), verb="refresh"),
    Operation("get_balance", "GET", BALANCE, verb="balance"),
    Operation("get_apps, get_app", "GET", APPS, verb="apps"),
)


@dataclass(frozen=True)
class Cell:
    """One fault of one operation: in one answer, or in every answer of the run."""

    operation: Operation
    fault: Fault
    often: Often

    @property
    def key(self) -> tuple[str, str, str]:
        """Return how the document names it."""
        return (self.operation.title, self.fault.name, self.often)


def all_cells() -> Iterator[Cell]:
    """Yield the whole matrix, in the document's order."""
    for operation in OPERATIONS:
        for fault in operation.faults:
            for often in ("once", "always"):
                # An address where nobody listens doesn't begin to answer in the middle of a run.
                if fault.kind != "refused" or often == "always":
                    yield Cell(operation, fault, often)
