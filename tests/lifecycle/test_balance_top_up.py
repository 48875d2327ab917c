"""BalanceTopUp's accounting: when it charges, and what it remembers of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from parallel_provider.api import WrongOrganizationError
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.balance_top_up import (
    BalanceTopUpInputs,
    BalanceTopUpLifecycle,
    BalanceTopUpState,
    month_now,
    month_to_keep,
)
from parallel_provider.lifecycle.declare import UNKNOWN
from parallel_provider.lifecycle.run import Context, ResourceNames, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import END_OF_NOVEMBER, Clock, Said, run_at

LIFECYCLE = BalanceTopUpLifecycle()
NAMES = ResourceNames(organization="acme", project="shop", stack="prod", name="credit")
NewRun = Callable[[], Run]


@pytest.fixture(autouse=True)
def _one_time(emulator: Emulator, clock: Clock) -> None:
    """Give the server the time of the runs, at first."""
    emulator.set_clock(clock.now - time.time())


def inputs(**given: object) -> BalanceTopUpInputs:
    """Return the inputs of a top-up by 1000 cents."""
    return BalanceTopUpInputs.model_validate({"amount_cents": 1000, **given})


def by_threshold(**given: object) -> BalanceTopUpInputs:
    """Return those of one that charges below 500 cents, twice a month at most."""
    return inputs(**{"when_below_cents": 500, "monthly_limit_cents": 2000, **given})


def state(**given: object) -> BalanceTopUpState:
    """Return the state of a top-up that has charged once, in November."""
    known = {
        **dict(inputs()),
        "organization": "acme",
        "project": "shop",
        "stack": "prod",
        "resource_name": "credit",
        "org_id": "org_1",
        "charges": 1,
        "total_charged_cents": 1000,
        "month": "2026-11",
        "month_charged_cents": 1000,
    }
    return BalanceTopUpState.model_validate({**known, **given})


def context(run: Run, **names: str) -> Context:
    """Return the context of a call for the top-up "credit", or one with other names."""
    return Context(run, replace(NAMES, **names))


def up(
    new_run: NewRun, old: BalanceTopUpState | None, new: BalanceTopUpInputs, **names: str
) -> BalanceTopUpState:
    """Do what an up does: create, or update if the diff says so."""
    call = context(new_run(), **names)
    if old is None:
        return LIFECYCLE.create(call, new)
    changed = LIFECYCLE.diff(call, old, dict(new)).changed
    return LIFECYCLE.update(call, old, new) if changed else old


def test_months_are_utc_and_each_has_its_own_limit(
    new_run: NewRun, emulator: Emulator, clock: Clock, said: Said
) -> None:
    """Two charges use November up; then it is December, by the server and for everyone at once."""
    emulator.set_clock(clock.now - 3600 - time.time())
    clock.now -= 20 * 3600
    top_up = up(new_run, None, by_threshold())
    for expected in (2000, 2000):
        emulator.set_org(credit_balance_cents=0)
        top_up = up(new_run, top_up, by_threshold())
        assert (top_up.month, top_up.month_charged_cents) == ("2026-11", expected)
    assert [charge["amount_cents"] for charge in emulator.state()["charges"]] == [1000, 1000]
    [warning] = said.warnings
    assert "2000 cents of monthly_limit_cents 2000 are used in 2026-11" in warning

    emulator.set_clock(END_OF_NOVEMBER + 61 - time.time())
    top_up = up(new_run, top_up, by_threshold())

    assert (top_up.month, top_up.month_charged_cents) == ("2026-12", 1000)
    assert (top_up.charges, top_up.total_charged_cents) == (3, 3000)
    assert top_up.last_charged_at == pytest.approx(END_OF_NOVEMBER + 61, abs=60)

    # Back in November: what was charged in December counts on.
    emulator.set_clock(END_OF_NOVEMBER - 3600 - time.time())
    for _ in range(3):
        emulator.set_org(credit_balance_cents=0)
        top_up = up(new_run, top_up, by_threshold())
    assert (top_up.month, top_up.month_charged_cents) == ("2026-12", 2000)


def test_limit_is_looked_at_before_each_charge(new_run: NewRun, emulator: Emulator) -> None:
    """What doesn't fit whole isn't charged in part."""
    top_up = up(new_run, None, by_threshold(monthly_limit_cents=1999))
    emulator.set_org(credit_balance_cents=0)

    assert up(new_run, top_up, by_threshold(monthly_limit_cents=1999)).charges == 1
    assert up(new_run, top_up, by_threshold(monthly_limit_cents=2000)).charges == 2


def test_threshold_itself_is_enough(new_run: NewRun, emulator: Emulator) -> None:
    """Below means below."""
    emulator.set_org(credit_balance_cents=500)
    top_up = up(new_run, None, by_threshold())
    assert (top_up.charges, top_up.last_idempotency_key) == (0, None)

    emulator.set_org(credit_balance_cents=499.5)
    assert up(new_run, top_up, by_threshold()).charges == 1


def test_keys_are_made_of_the_names_at_creation(new_run: NewRun, emulator: Emulator) -> None:
    """Renamed in every way there is, the same reason has the same key still."""
    top_up = up(new_run, None, inputs())
    once = up(new_run, top_up, inputs(triggers=1))
    # As after a crash before the state was written, and a rename on top of it.
    again = up(new_run, top_up, inputs(triggers=1), name="new", stack="new")

    assert once.last_idempotency_key == again.last_idempotency_key
    assert again.resource_name == "credit"
    assert len(emulator.state()["charges"]) == 2


@pytest.mark.parametrize(
    ("news", "changed"),
    [
        ({}, False),
        ({"triggers": 1}, True),
        ({"triggers": UNKNOWN}, True),
        ({"amount_cents": 1001}, True),
        ({"amount_cents": UNKNOWN}, True),
    ],
)
def test_diff_sees_what_charges(news: dict[str, Any], *, changed: bool) -> None:
    """Decided from the values alone: nobody is asked."""
    diff = LIFECYCLE.diff(context(run_at()), state(), {**dict(inputs()), **news})

    assert diff.changed is changed
    assert diff.replaces == ()


@pytest.mark.parametrize(
    ("olds", "news", "asks"),
    [
        pytest.param({}, {}, True, id="created: charges"),
        pytest.param({"amount_cents": 1000.0}, {}, False, id="unchanged"),
        pytest.param({"amount_cents": 1000.0}, {"triggers": 1}, True, id="triggers"),
        pytest.param({"amount_cents": 999.0}, {}, True, id="amount"),
        pytest.param(
            {"amount_cents": 1000.0},
            {"when_below_cents": 1, "monthly_limit_cents": 1000},
            True,
            id="may charge in any run",
        ),
    ],
)
def test_check_asks_what_is_allowed_only_where_it_may_charge(
    olds: dict[str, Any], news: dict[str, Any], *, asks: bool
) -> None:
    """An unchanged top-up needs neither the setting nor the server."""
    checked = LIFECYCLE.check(context(run_at()), olds, {"amount_cents": 1000.0, **news})

    assert [problem.input for problem in checked.problems] == (["amount_cents"] if asks else [])


def test_threshold_taken_away_charges_nothing_by_itself(
    new_run: NewRun, emulator: Emulator
) -> None:
    """Only amount and triggers ask for a charge; the new form is kept."""
    emulator.set_org(credit_balance_cents=1000)
    top_up = up(new_run, None, by_threshold())

    top_up = up(new_run, top_up, inputs())

    assert (top_up.charges, top_up.when_below_cents) == (0, None)
    assert emulator.state()["charges"] == []


def test_another_organization_is_never_charged(new_run: NewRun, emulator: Emulator) -> None:
    """The card that was charged so far is the one that is meant."""
    top_up = up(new_run, None, inputs())
    other = emulator.add_org()
    run = run_at(emulator.url, other["access_token"], max_top_up_cents=2000)

    with pytest.raises(WrongOrganizationError, match=other["org_id"]):
        LIFECYCLE.update(context(run), top_up, inputs(triggers=1))

    assert emulator.state(other["org_id"])["charges"] == []


def test_read_and_delete_ask_nobody(said: Said) -> None:
    """The server keeps nothing to compare with, and gives nothing back."""
    run = run_at(said=said)

    assert LIFECYCLE.read(context(run), state()) == state()
    LIFECYCLE.delete(context(run), state(total_charged_cents=0))
    assert said.warnings == []
    LIFECYCLE.delete(context(run), state())
    assert "not paid back" in said.warnings[0]


def test_threshold_charges_nothing_without_the_servers_date(
    new_run: NewRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's own clock alone doesn't say which month the limit is for."""
    run = new_run()
    monkeypatch.setattr(run, "server_time", lambda: None)

    with pytest.raises(LifecycleError, match="no date"):
        LIFECYCLE.create(context(run), by_threshold())

    assert emulator.state()["charges"] == []


@pytest.mark.parametrize(
    ("known", "server", "here", "now", "kept"),
    [
        ("", "2026-11", "2026-11", "2026-11", "2026-11"),
        # This machine's clock is an hour behind, or the server's an hour ahead.
        ("2026-11", "2026-12", "2026-11-30T23", "2026-12", "2026-12"),
        ("2026-12", "2026-11", "2026-11", "2026-12", "2026-12"),
        # One of the two is wrong. Nothing is charged by threshold, and no far month is kept.
        ("2026-11", "2099-01", "2026-11", None, "2026-11"),
        ("2026-11", "2026-11", "2099-01", None, "2026-11"),
        ("2026-11", None, "2026-12", None, "2026-12"),
    ],
)
def test_month_goes_by_the_server_and_never_far_ahead(
    known: str, server: str | None, here: str, now: str | None, kept: str
) -> None:
    """A month counts for a limit only if both clocks agree, and one wrong date isn't kept."""

    def seconds(text: str) -> float:
        whole = text + "2026-12-01T00"[len(text) :]
        return datetime.fromisoformat(f"{whole}:00+00:00").timestamp()

    times = (None if server is None else seconds(server), seconds(here))
    assert month_now(known, *times) == now
    assert month_to_keep(known, *times) == kept


def test_date_that_is_far_ahead_once_stops_no_later_charge(
    new_run: NewRun, emulator: Emulator, clock: Clock
) -> None:
    """It charges nothing by threshold while it lasts."""
    emulator.set_clock(clock.now - time.time())
    top_up = up(new_run, None, by_threshold())
    emulator.set_org(credit_balance_cents=0)
    emulator.set_clock(clock.now + 73 * 365 * 86_400 - time.time())
    with pytest.raises(LifecycleError, match="differs by more than a day"):
        up(new_run, top_up, by_threshold())
    top_up = up(new_run, top_up, inputs(triggers=1))
    assert top_up.month == "2026-11"
    emulator.set_clock(clock.now - time.time())
    emulator.set_org(credit_balance_cents=0)

    assert up(new_run, top_up, by_threshold(monthly_limit_cents=9000)).charges == 3


def test_restored_state_counts_what_was_charged_and_goes_on(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """A threshold's known charges are counted, one after the other; the next one is a new one."""
    oldest = up(new_run, None, by_threshold(monthly_limit_cents=9000))
    newest = oldest
    for _ in range(2):
        emulator.set_org(credit_balance_cents=0)
        newest = up(new_run, newest, by_threshold(monthly_limit_cents=9000))
    assert len(emulator.state()["charges"]) == 3

    restored = up(new_run, oldest, by_threshold(monthly_limit_cents=9000))

    assert (restored.charges, restored.total_charged_cents) == (3, 3000)
    assert restored.last_idempotency_key == newest.last_idempotency_key
    assert len([warning for warning in said.warnings if "Nothing was charged now" in warning]) == 2
    emulator.set_org(credit_balance_cents=0)
    assert up(new_run, restored, by_threshold(monthly_limit_cents=9000)).charges == 4
    assert len(emulator.state()["charges"]) == 4


@pytest.mark.parametrize("by_threshold_", [True, False])
def test_charge_that_is_known_is_never_sent_again(
    new_run: NewRun, emulator: Emulator, clock: Clock, by_threshold_: bool
) -> None:
    """The resource was destroyed, or replaced, and is created again a month later."""
    emulator.set_clock(clock.now - time.time())
    news = by_threshold() if by_threshold_ else inputs()
    first = up(new_run, None, news)
    clock.now += 31 * 86_400
    emulator.set_clock(clock.now - time.time())

    again = up(new_run, None, news)

    assert again.last_idempotency_key == first.last_idempotency_key
    assert (again.charges, again.total_charged_cents, again.month_charged_cents) == (1, 1000, 0)
    assert len(emulator.state()["charges"]) == 1


@pytest.mark.parametrize("names", [{"name": "other"}, {"parent_types": "my:Shop"}, {}])
def test_monthly_limit_counts_on_after_a_rename_a_move_and_a_replacement(
    new_run: NewRun, emulator: Emulator, said: Said, names: dict[str, str]
) -> None:
    """What the journal has of the organization counts, whichever resource has charged it."""
    top_up = up(new_run, None, by_threshold())
    emulator.set_org(credit_balance_cents=0)
    up(new_run, top_up, by_threshold())
    emulator.set_org(credit_balance_cents=0)

    up(new_run, None, by_threshold(), **names)

    assert [charge["amount_cents"] for charge in emulator.state()["charges"]] == [1000, 1000]
    assert "2000 cents of monthly_limit_cents 2000 are used" in said.warnings[-1]
