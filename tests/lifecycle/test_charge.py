"""One charge: its key, what forbids it, and what is known afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parallel_provider.api import Balance
from parallel_provider.errors import LifecycleError, ParallelError, UnknownChargeError
from parallel_provider.lifecycle.charge import (
    Charge,
    cents_of,
    charge,
    idempotency_key,
    one_charge_at_a_time,
    why_invoiced,
    why_not_allowed,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, Said

ADD = "/service/v1/balance/add"
IDENTITY = ("acme", "shop", "prod", "credit")
KEY = "pulumi-0123456789"


def test_idempotency_key_is_pinned() -> None:
    """Another key for the same reason would charge again what is charged already."""
    key = idempotency_key(IDENTITY, 0, 2000, {"quarter": "2026Q4", "n": [1, 2.5, None]})

    assert key == "pulumi-6452e1e57af741c6395e4e049d1f34cc0abbf6f7ca7137c0e866d9e442135248"
    assert 8 <= len(key) <= 128


def test_idempotency_key_ignores_what_the_wire_changes() -> None:
    """A re-run reads its numbers as floats, and its dicts in any order."""
    assert idempotency_key(IDENTITY, 1, 2000, {"a": 1, "b": [2]}) == idempotency_key(
        IDENTITY,
        1,
        2000,
        {"b": [2.0], "a": 1.0},
    )


def test_idempotency_key_is_another_for_another_reason() -> None:
    """Every part of the reason counts, and no two parts can be mistaken for each other."""
    reasons: list[tuple[tuple[str, ...], int, int, object]] = [
        (IDENTITY, 0, 2000, None),
        (("acme2", "shop", "prod", "credit"), 0, 2000, None),
        (("acme", "shop2", "prod", "credit"), 0, 2000, None),
        (("acme", "shop", "prod2", "credit"), 0, 2000, None),
        (("acme", "shop", "prod", "credit2"), 0, 2000, None),
        (("acme", "sh", "opprod", "credit"), 0, 2000, None),
        (("acme", 'shop","prod', "credit", ""), 0, 2000, None),
        (IDENTITY, 1, 2000, None),
        (IDENTITY, 0, 2001, None),
        (IDENTITY, 0, 2000, {}),
        (IDENTITY, 0, 2000, ""),
        (IDENTITY, 0, 2000, False),
        (IDENTITY, 0, 2000, 0),
        (IDENTITY, 0, 2000, "0"),
    ]

    keys = {idempotency_key(*reason) for reason in reasons}
    keys |= {idempotency_key(IDENTITY, 0, 2000, None, salt) for salt in ("a", "b")}
    keys |= {idempotency_key((*IDENTITY, "my:index:Shop"), 0, 2000, None)}
    assert len(keys) == len(reasons) + 3


@pytest.mark.parametrize(
    ("amount", "most", "says"),
    [
        (2000, 2000, None),
        (1, 10_000, None),
        (2000, None, "switched off: allow it with `pulumi config set parallel:maxTopUpCents 2000`"),
        (2001, 2000, "allows 2000, and this is 2001"),
        (1, 0, "allows 0"),
    ],
)
def test_settings_decide_what_one_charge_may_be(
    amount: int, most: int | None, says: str | None
) -> None:
    """Nothing is charged unless the setting allows that much."""
    reason = why_not_allowed(amount, most)

    assert (reason is None) if says is None else (says in (reason or ""))


def test_invoiced_organization_has_no_balance_to_top_up() -> None:
    """The reason names the organization."""
    invoiced = Balance(
        org_id="org_1", credit_balance_cents=0, pending_debit_balance_cents=0, will_invoice=True
    )

    assert "org_1 pays by invoice" in (why_invoiced(invoiced) or "")
    assert why_invoiced(invoiced.model_copy(update={"will_invoice": False})) is None


@pytest.fixture
def charge_500(emulator: Emulator) -> Callable[[Run], Balance]:
    """Return a way to charge 500 cents in a run, always under one key."""

    def go(run: Run, amount_cents: int = 500) -> Balance:
        wanted = Charge(amount_cents, KEY, emulator.org_id, "/".join(IDENTITY))
        with one_charge_at_a_time(run, emulator.org_id):
            return charge(Context(run), wanted, run.api.get_balance())

    return go


Go = Callable[..., Balance]


@pytest.mark.parametrize("change", [{"has_payment_method": False}, {"will_invoice": True}])
def test_refusal_says_that_an_earlier_charge_may_be_there(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go, change: dict[str, Any]
) -> None:
    """The first answers were lost; a card that is gone now hides nothing."""
    emulator.add_fault("drop_after", path=ADD, times=9)
    with pytest.raises(UnknownChargeError):
        charge_500(new_run())
    emulator.clear_faults()
    emulator.set_org(**change)

    with pytest.raises(ParallelError, match="whether it was made isn't known") as failure:
        charge_500(new_run())

    for words in (KEY, "look at the charges in the Parallel console"):
        assert words in str(failure.value)
    assert len(emulator.state()["charges"]) == 1


def test_charge_is_announced_kept_and_told(
    new_run: Callable[[], Run], emulator: Emulator, said: Said, charge_500: Go
) -> None:
    """The amount and the key are said before the request, and again after it."""
    emulator.set_org(credit_balance_cents=100)
    run = new_run()

    after = charge_500(run)

    assert after.credit_balance_cents == 600
    assert said.warnings == []
    [announced, told] = said.infos
    assert announced.startswith("Charging 500 cents")
    assert KEY in announced
    assert told == f"Charged 500 cents (key {KEY})."
    [entry] = run.charge_journal.entries()
    assert (entry.outcome, entry.amount_cents) == ("charged", 500)


def test_charge_is_in_the_journal_before_the_request(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill at the worst moment leaves it there."""
    run = new_run()

    def killed(*_arguments: object) -> Balance:
        raise KeyboardInterrupt

    monkeypatch.setattr(run.api, "add_balance", killed)
    with pytest.raises(KeyboardInterrupt):
        charge_500(run)

    [entry] = new_run().charge_journal.entries()
    assert (entry.key, entry.outcome, entry.org_id) == (KEY, "begun", emulator.org_id)


def test_charge_is_refused_at_the_last_moment_too(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go
) -> None:
    """A run without a preview has only this."""
    with pytest.raises(LifecycleError, match="allows 2000"):
        charge_500(new_run(), 2001)
    emulator.set_org(will_invoice=True)
    with pytest.raises(LifecycleError, match="pays by invoice"):
        charge_500(new_run())

    assert emulator.state()["charges"] == []
    assert f"POST {ADD}" not in emulator.state()["requests"]
    assert new_run().charge_journal.entries() == []


def test_charge_of_unknown_outcome_says_all_that_is_known(
    new_run: Callable[[], Run], emulator: Emulator, clock: Clock, charge_500: Go
) -> None:
    """The key, the balances, until when a re-run is safe by the server, and what comes after."""
    emulator.set_clock(clock.now - time.time())
    emulator.add_fault("drop_after", path=ADD, times=9)

    with pytest.raises(UnknownChargeError) as failure:
        charge_500(new_run())

    for words in (
        "it isn't known whether 500 cents were charged",
        "The balance was 0 cents before, and is 500 cents now",
        "running again is safe",
        KEY,
        "look at the charges in the Parallel console (the balance alone proves nothing)",
        f"parallel-provider charges settle {KEY}",
    ):
        assert words in str(failure.value)
    assert re.search(r"Until 2026-12-01 2[23]:5\d UTC", str(failure.value))
    [entry] = new_run().charge_journal.entries()
    assert entry.outcome == "begun"


def test_charge_of_unknown_outcome_without_a_balance_says_so(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go
) -> None:
    """A server that is gone altogether can't be asked for the balance either."""
    emulator.add_fault("drop_before", path="*", times=99, after=1)

    with pytest.raises(UnknownChargeError, match="is not known, as it can't be read either now"):
        charge_500(new_run())


def test_charge_that_was_refused_leaves_nothing_in_the_journal(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go
) -> None:
    """Nothing was charged for certain; but a refusal doesn't undo what was begun before."""
    emulator.set_org(has_payment_method=False)
    with pytest.raises(ParallelError, match="402"):
        charge_500(new_run())
    assert new_run().charge_journal.entries() == []

    emulator.add_fault("drop_before", path=ADD, times=3)
    with pytest.raises(UnknownChargeError):
        charge_500(new_run())
    with pytest.raises(ParallelError, match="402"):
        charge_500(new_run())
    [entry] = new_run().charge_journal.entries()
    assert entry.outcome == "begun"


def test_charge_that_was_made_before_is_a_warning(
    new_run: Callable[[], Run], emulator: Emulator, said: Said, charge_500: Go
) -> None:
    """The server charges once for a key; the journal tells for certain that it has."""
    charge_500(new_run())
    charge_500(new_run())

    assert len(emulator.state()["charges"]) == 1
    [warning] = said.warnings
    assert "Nothing was charged now" in warning
    assert KEY in warning


@pytest.mark.parametrize("after", [990, 1000])
def test_balance_that_did_not_rise_proves_nothing(
    new_run: Callable[[], Run], emulator: Emulator, said: Said, charge_500: Go, after: int
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

    charge_500(new_run())

    [warning] = said.warnings
    assert f"the balance didn't rise (before: 1000, after: {after})" in warning
    assert "look at the charges" in warning
    assert "triggers" not in warning
    assert "charge again" not in warning


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf"), "nan", True, None])
def test_balance_that_is_no_number_is_refused(odd: Any) -> None:  # noqa: ANN401
    """Whatever the client lets through, nothing is compared with it."""
    balance = cast("Balance", SimpleNamespace(credit_balance_cents=odd))

    with pytest.raises(LifecycleError, match="isn't a number"):
        cents_of(balance)


def test_charge_waits_for_its_turn_and_gives_up_rather_than_charge(
    new_run: Callable[[], Run],
    emulator: Emulator,
    charge_500: Go,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lock that another run holds is no reason to charge without it."""
    monkeypatch.setattr("parallel_provider.lifecycle.charge._WAIT_SECONDS", 0.1)
    waiting = pytest.raises(LifecycleError, match="another process")
    with one_charge_at_a_time(new_run(), emulator.org_id), waiting:
        charge_500(new_run())

    assert emulator.state()["charges"] == []
