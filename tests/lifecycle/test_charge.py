"""One charge: its key, what forbids it, and what is known afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any, cast

import pytest

from parallel_provider.api import Balance
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.balance_top_up import (
    Charge,
    Identity,
    cents_of,
    charge,
    idempotency_key,
    one_charge_at_a_time,
    why_invoiced,
    why_not_allowed,
    with_open_charge,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from parallel_provider.user_folder import machine_lock
from tests.lifecycle.runs import Clock, Said

ADD = "/service/v1/balance/add"
IDENTITY = Identity("acme", "shop", "prod", "credit", "")
KEY = "pulumi-0123456789"


def test_idempotency_key_is_pinned() -> None:
    """Another key for the same reason would charge again what is charged already."""
    key = idempotency_key(IDENTITY, 0, 2000, {"quarter": "2026Q4", "n": [1, 2.5, None]})

    assert key == "pulumi-75b414f859a0039e3d9b162ed7bac6de85cf903230ccc92cb8336493cb480cb7"
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
    reasons: list[tuple[Identity, int, int, object]] = [
        (IDENTITY, 0, 2000, None),
        (IDENTITY._replace(organization="acme2"), 0, 2000, None),
        (IDENTITY._replace(project="shop2"), 0, 2000, None),
        (IDENTITY._replace(stack="prod2"), 0, 2000, None),
        (IDENTITY._replace(name="credit2"), 0, 2000, None),
        (IDENTITY._replace(parent_types="my:index:Shop"), 0, 2000, None),
        (Identity("acme", "sh", "opprod", "credit", ""), 0, 2000, None),
        (Identity("acme", 'shop","prod', "credit", "", ""), 0, 2000, None),
        # One has no organization and a parent, the other an organization and no parent.
        (Identity("", "p", "s", "n", "t"), 0, 2000, None),
        (Identity("p", "s", "n", "t", ""), 0, 2000, None),
        (IDENTITY, 1, 2000, None),
        (IDENTITY, 0, 2001, None),
        (IDENTITY, 0, 2000, {}),
        (IDENTITY, 0, 2000, ""),
        (IDENTITY, 0, 2000, False),
        (IDENTITY, 0, 2000, 0),
        (IDENTITY, 0, 2000, "0"),
    ]

    keys = {idempotency_key(*reason) for reason in reasons}
    digests = {identity.digest for identity, *_ in reasons}
    assert len(keys) == len(reasons)
    assert len(digests) == len({identity for identity, *_ in reasons})


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

    def go(run: Run, amount_cents: int = 500, key: str = KEY) -> Balance:
        wanted = Charge(amount_cents, key, emulator.org_id, IDENTITY)
        context = Context(run)
        with one_charge_at_a_time(
            context, amount_cents, emulator.org_id, lock_required=True
        ) as before:
            return charge(context, wanted, before, "2026-11")

    return go


Go = Callable[..., Balance]


@pytest.mark.parametrize("change", [{"has_payment_method": False}, {"will_invoice": True}])
def test_refusal_says_that_an_earlier_charge_may_be_there(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go, change: dict[str, Any]
) -> None:
    """The first answers were lost; a card that is gone now hides nothing."""
    emulator.add_fault("drop_after", path=ADD, times=9)
    with pytest.raises(LifecycleError, match="it isn't known"):
        charge_500(new_run())
    emulator.clear_faults()
    emulator.set_org(**change)

    unknown = "it isn't known whether an earlier charge of 500 cents was made"
    with pytest.raises(ParallelError, match=unknown) as failure:
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

    with pytest.raises(LifecycleError, match="it isn't known") as failure:
        charge_500(new_run())

    for words in (
        "it isn't known whether 500 cents were charged",
        "The balance was 0 cents before, and is 500 cents now",
        "running the same program again is safe",
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

    with pytest.raises(LifecycleError, match="is not known, as it can't be read either now"):
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
    with pytest.raises(LifecycleError, match="it isn't known"):
        charge_500(new_run())
    with pytest.raises(ParallelError, match="402"):
        charge_500(new_run())
    [entry] = new_run().charge_journal.entries()
    assert entry.outcome == "begun"


def test_open_charge_stops_all_others_of_its_organization(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go
) -> None:
    """Whatever else is asked for isn't charged until the outcome is known; the same is repeated."""
    emulator.add_fault("drop_after", path=ADD, times=3)
    with pytest.raises(LifecycleError, match="it isn't known"):
        charge_500(new_run())

    for other in ({"amount_cents": 400, "key": "pulumi-other"}, {"key": "pulumi-another"}):
        with pytest.raises(LifecycleError, match="isn't made, as it isn't known") as failure:
            charge_500(new_run(), **other)
        for words in ("500 cents", "acme/shop/prod/credit", KEY, "charges settle", "Until "):
            assert words in str(failure.value)
    assert len(emulator.state()["charges"]) == 1

    charge_500(new_run())
    charge_500(new_run(), key="pulumi-other")
    assert len(emulator.state()["charges"]) == 2


def test_refusal_names_an_open_charge_of_the_same_organization_alone(
    new_run: Callable[[], Run], emulator: Emulator, charge_500: Go
) -> None:
    """That of another organization has nothing to do with it."""
    emulator.add_fault("drop_after", path=ADD, times=3)
    with pytest.raises(LifecycleError, match="it isn't known"):
        charge_500(new_run())
    run = new_run()

    assert KEY in with_open_charge(run, emulator.org_id, "is refused")
    assert with_open_charge(run, "org_other", "is refused") == "is refused"


@pytest.mark.parametrize("wrong", ["server", "here"])
def test_charge_is_repeated_only_if_both_clocks_say_that_the_server_knows_it(
    new_run: Callable[[], Run],
    emulator: Emulator,
    clock: Clock,
    charge_500: Go,
    wrong: str,
) -> None:
    """One wrong clock isn't believed: a day later, the server may charge again."""
    emulator.set_clock(clock.now - time.time())
    emulator.add_fault("drop_after", path=ADD, times=3)
    with pytest.raises(LifecycleError, match="it isn't known"):
        charge_500(new_run())
    emulator.set_clock(clock.now - time.time() + (3600 if wrong == "server" else 86_400))
    clock.now += 3600 if wrong == "here" else 86_400

    with pytest.raises(LifecycleError, match="isn't made"):
        charge_500(new_run())

    assert len(emulator.state()["charges"]) == 1


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


def test_charges_wait_at_the_same_time_and_give_up_rather_than_charge(
    emulator: Emulator, new_run: Callable[[], Run], charge_500: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three top-ups of a run behind a holder that has stopped end after one timeout."""
    run = new_run()
    monkeypatch.setattr(type(run.api), "call_seconds", 2.0)
    with machine_lock("charge", emulator.org_id), ThreadPoolExecutor(3) as threads:
        started = time.monotonic()
        waiting = [threads.submit(charge_500, run) for _ in range(3)]
        for one in waiting:
            with pytest.raises(LifecycleError, match="hasn't ended after 2 seconds"):
                one.result()
        assert time.monotonic() - started < 4

    assert emulator.state()["charges"] == []


@pytest.mark.parametrize("home", ["/dev/null", "/nonexistent"])
def test_without_a_lock_nothing_is_charged_by_threshold(
    new_run: Callable[[], Run],
    emulator: Emulator,
    charge_500: Go,
    monkeypatch: pytest.MonkeyPatch,
    home: str,
) -> None:
    """Two runs could both find the balance low. The line says what is missing."""
    monkeypatch.setenv("HOME", home)

    with pytest.raises(LifecycleError, match="nothing is charged by threshold") as failure:
        charge_500(new_run())

    assert "set HOME to a folder that it can write" in str(failure.value)
    assert emulator.state()["charges"] == []
