"""One charge: what is announced and kept, what it waits for, and what is known afterwards."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle import charge_journal
from parallel_provider.lifecycle.balance_top_up import (
    BalanceTopUpInputs,
    BalanceTopUpLifecycle,
    BalanceTopUpState,
)
from parallel_provider.lifecycle.declare import UNKNOWN
from parallel_provider.lifecycle.run import Context, ResourceNames, Run
from parallel_provider.testing.emulator import Emulator
from parallel_provider.user_folder import machine_lock, write_private
from tests.lifecycle.runs import Clock, Said

pytestmark = pytest.mark.usefixtures("one_time")
ADD = "/service/v1/balance/add"
# The first charge of acme/shop/prod/credit: 500 cents, without triggers.
KEY = "pulumi-2eb7b2e431e690198df647be498dec759e4545f2375fc7fe4394a5ffee592503"
NewRun = Callable[[], Run]


def charge(
    run: Run, amount_cents: int = 500, *, parent_types: str = "", **given: object
) -> BalanceTopUpState:
    """Create a top-up of 500 cents, always for the same reason."""
    names = ResourceNames(
        name="credit", organization="acme", project="shop", stack="prod", parent_types=parent_types
    )
    inputs = BalanceTopUpInputs.model_validate({"amount_cents": amount_cents, **given})
    return BalanceTopUpLifecycle().create(Context(run, names), inputs)


def charge_with_lost_answers(run: Run, emulator: Emulator) -> LifecycleError:
    """Charge the card, and return the error of a run that doesn't learn it."""
    emulator.add_fault("drop_after", path=ADD, times=3)
    with pytest.raises(LifecycleError, match="it isn't known") as failure:
        charge(run)
    return failure.value


@pytest.mark.parametrize("change", [{"has_payment_method": False}, {"will_invoice": True}])
def test_refusal_says_that_an_earlier_charge_may_be_there(
    new_run: NewRun, emulator: Emulator, change: dict[str, Any]
) -> None:
    """The first answers were lost; a card that is gone now hides nothing."""
    charge_with_lost_answers(new_run(), emulator)
    emulator.set_org(**change)

    unknown = "it isn't known whether an earlier charge of 500 cents was made"
    with pytest.raises(ParallelError, match=unknown) as failure:
        charge(new_run())

    for words in (KEY, "look at the charges in the Parallel console"):
        assert words in str(failure.value)
    assert len(emulator.state()["charges"]) == 1


@pytest.mark.parametrize(
    ("parent_types", "where"), [("", ""), ("my:index:Shop", " in my:index:Shop")]
)
def test_charge_is_announced_and_kept(
    new_run: NewRun, emulator: Emulator, said: Said, parent_types: str, where: str
) -> None:
    """The amount and the key are announced before the request, and again after it."""
    emulator.set_org(credit_balance_cents=100)
    run = new_run()

    top_up = charge(run, parent_types=parent_types)

    assert (top_up.balance_before_cents, top_up.balance_after_cents) == (100, 600)
    assert said.warnings == []
    key = top_up.last_idempotency_key
    assert (key == KEY) == (not parent_types)
    assert said.infos == [
        f"Charging 500 cents to the card of organization {emulator.org_id} under the idempotency "
        f"key {key} (for acme/shop/prod/credit{where}).",
        f"Charged 500 cents (key {key}).",
    ]
    [entry] = run.charge_journal.entries()
    assert (entry.outcome, entry.amount_cents, entry.month) == ("charged", 500, "2026-11")


def test_charge_that_cannot_be_noted_is_not_made(
    new_run: NewRun, emulator: Emulator, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may be full. But a charge that was made is never lost because of it."""
    run = new_run()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def full_after_the_charge(path: Path, content: bytes) -> None:
        write_private(path, content) if b'"begun"' in content else full()

    monkeypatch.setattr(charge_journal, "write_private", full)
    with pytest.raises(LifecycleError, match=r"nothing is charged.* \(No space left on device\)"):
        charge(run)
    assert emulator.state()["charges"] == []
    assert run.charge_journal.entries() == []

    monkeypatch.setattr(charge_journal, "write_private", full_after_the_charge)
    assert charge(run).charges == 1
    [entry] = run.charge_journal.entries()
    assert entry.outcome == "begun"
    [warning] = said.warnings
    assert f"500 cents were charged under the idempotency key {KEY}" in warning
    assert f"`parallel-provider charges settle {KEY} --charged`" in warning
    assert "nothing is charged (" not in warning


def test_charge_is_refused_at_the_last_moment_too(new_run: NewRun, emulator: Emulator) -> None:
    """Nothing is sent, or noted, when a run no longer may charge."""
    with pytest.raises(LifecycleError, match="not all of `triggers` is known"):
        charge(new_run(), triggers=[UNKNOWN])
    with pytest.raises(LifecycleError, match="allows 2000"):
        charge(new_run(), 2001)
    emulator.set_org(will_invoice=True)
    with pytest.raises(LifecycleError, match="pays by invoice"):
        charge(new_run())

    assert emulator.state()["charges"] == []
    assert f"POST {ADD}" not in emulator.state()["requests"]
    assert new_run().charge_journal.entries() == []


def test_charge_of_unknown_outcome_without_a_balance_says_so(
    new_run: NewRun, emulator: Emulator
) -> None:
    """A server that is gone altogether can't be asked for the balance either."""
    # The first two requests are for the balance.
    emulator.add_fault("drop_before", path="*", times=99, after=2)

    with pytest.raises(LifecycleError, match="is not known, as it can't be read either now"):
        charge(new_run())


def test_charge_that_was_refused_leaves_nothing_in_the_journal(
    new_run: NewRun, emulator: Emulator
) -> None:
    """Nothing was charged for certain; but a refusal doesn't undo what was begun before."""
    emulator.set_org(has_payment_method=False)
    with pytest.raises(ParallelError, match="402"):
        charge(new_run())
    assert new_run().charge_journal.entries() == []

    emulator.add_fault("drop_before", path=ADD, times=3)
    with pytest.raises(LifecycleError, match="it isn't known"):
        charge(new_run())
    with pytest.raises(ParallelError, match="402"):
        charge(new_run())
    [entry] = new_run().charge_journal.entries()
    assert entry.outcome == "begun"


def test_open_charge_stops_all_others_of_its_organization_and_is_repeated(
    new_run: NewRun, emulator: Emulator, clock: Clock
) -> None:
    """The same reason repeats it, and it counts for the month in which that is known."""
    charge_with_lost_answers(new_run(), emulator)
    clock.now += 3600
    emulator.set_clock(clock.now - time.time())

    for another in ({"amount_cents": 400}, {"triggers": 1}, {"parent_types": "my:index:Shop"}):
        with pytest.raises(LifecycleError, match="isn't charged, as it isn't known"):
            charge(new_run(), **another)
    assert len(emulator.state()["charges"]) == 1

    repeated = charge(new_run())
    assert (repeated.last_idempotency_key, repeated.month) == (KEY, "2026-12")
    [entry] = new_run().charge_journal.entries()
    assert (entry.outcome, entry.month) == ("charged", "2026-12")
    charge(new_run(), triggers=1)
    assert len(emulator.state()["charges"]) == 2


@pytest.mark.parametrize("after", [990, 1000])
def test_balance_that_did_not_rise_proves_nothing(
    new_run: NewRun, emulator: Emulator, said: Said, after: int
) -> None:
    """As much was used meanwhile, perhaps: nobody is told to charge again."""
    emulator.set_org(credit_balance_cents=1000)
    answer = {
        "org_id": emulator.org_id,
        "credit_balance_cents": after,
        "pending_debit_balance_cents": 0,
        "will_invoice": False,
    }
    emulator.add_fault("garbage", method="POST", path=ADD, status=200, body=answer)

    charge(new_run())

    [warning] = said.warnings
    assert f"the balance didn't rise (before: 1000, after: {after})" in warning
    assert "look at the charges" in warning
    assert "triggers" not in warning
    assert "charge again" not in warning


def test_charges_wait_at_the_same_time_and_give_up_rather_than_charge(
    emulator: Emulator, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three top-ups of a run behind a holder that has stopped end after one timeout."""
    run = new_run()
    monkeypatch.setattr(type(run.api), "call_seconds", 2.0)
    run.balance.get()
    with machine_lock("charge", emulator.org_id), ThreadPoolExecutor(3) as threads:
        started = time.monotonic()
        waiting = [threads.submit(charge, run) for _ in range(3)]
        for one in waiting:
            with pytest.raises(LifecycleError, match="hasn't ended after 2 seconds"):
                one.result()
        assert time.monotonic() - started < 4

    assert emulator.state()["charges"] == []


@pytest.mark.parametrize("home", ["/dev/null", "/nonexistent"])
def test_without_a_place_for_locks_only_what_was_asked_for_is_charged(
    new_run: NewRun, emulator: Emulator, said: Said, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """Two runs could both find the balance low. The texts say what is missing."""
    monkeypatch.setenv("HOME", home)

    with pytest.raises(LifecycleError, match="nothing is charged by threshold") as failure:
        charge(new_run(), when_below_cents=500, monthly_limit_cents=500)
    assert "set HOME to a folder that it can write" in str(failure.value)
    assert emulator.state()["charges"] == []

    assert "Nothing on this machine tells the next run of it" in str(
        charge_with_lost_answers(new_run(), emulator)
    )
    assert charge(new_run()).charges == 1
    assert len(emulator.state()["charges"]) == 1
    assert len([text for text in said.warnings if "look for the key" in text]) == 2


def test_charge_is_kept_also_where_nothing_can_be_locked(
    new_run: NewRun, emulator: Emulator, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems have no locks. The next run knows of a charge all the same."""

    def no_locks(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)

    assert f"charges settle {KEY}" in str(charge_with_lost_answers(new_run(), emulator))
    with pytest.raises(LifecycleError, match="isn't charged, as it isn't known"):
        charge(new_run(), 400)
    assert "No locks available" in said.warnings[0]
