"""BalanceTopUp's decision and its accounting: when it charges, and what it remembers of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from parallel_provider.api import Balance
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.balance_top_up import (
    SET_BY_A_CHARGE,
    BalanceTopUpInputs,
    BalanceTopUpLifecycle,
    BalanceTopUpState,
    ChargeDue,
    CountKnown,
    Decision,
    Facts,
    NothingDue,
    Refused,
    cents_text,
    decide,
    idempotency_key,
    month_now,
)
from parallel_provider.lifecycle.charge_journal import JournalEntry
from parallel_provider.lifecycle.declare import UNKNOWN
from parallel_provider.lifecycle.resource import Diff
from parallel_provider.lifecycle.run import Context, ResourceNames, Run
from parallel_provider.printable import line_for_user
from parallel_provider.testing.emulator import Emulator
from parallel_provider.user_folder import machine_lock
from tests.lifecycle.runs import END_OF_NOVEMBER as NOW
from tests.lifecycle.runs import Said, run_at

LIFECYCLE = BalanceTopUpLifecycle()
NAMES = ResourceNames(organization="acme", project="shop", stack="prod", name="credit")
NewRun = Callable[[], Run]
HOUR, DAY = 3600.0, 86_400.0

# The second charge of acme/shop/prod/credit: 1000 cents, without triggers.
KEY = "pulumi-28f376caa380535768e573b9c98e6692a6d2d6489b798883c430771756d4f147"
OWN = "1b8651b268c3a9dab3a49d2a9d579f72e4f505329980a51c06557243aedeafa0"
IDENTITY = ResourceNames("acme", "shop", "prod", "credit", "")


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


def balance(cents: float = 0, org_id: str = "org_1", *, will_invoice: bool = False) -> Balance:
    """Return an organization's balance."""
    return Balance(
        org_id=org_id,
        credit_balance_cents=cents,
        pending_debit_balance_cents=0,
        will_invoice=will_invoice,
    )


def entry(**given: object) -> JournalEntry:
    """Return the entry of the next charge, begun an hour ago; its outcome isn't known."""
    known = {
        "key": KEY,
        "org_id": "org_1",
        "amount_cents": 1000,
        "resource": "acme/shop/prod/credit",
        "identity": OWN,
        "month": "2026-11",
        "begun_at": NOW - HOUR,
        "begun_here": NOW - HOUR,
        "outcome": "begun",
    }
    return JournalEntry.model_validate({**known, **given})


def other(**given: object) -> JournalEntry:
    """Return the entry of another top-up's charge of 300 cents."""
    names = {"key": "pulumi-other", "resource": "acme/shop/prod/other", "identity": "other"}
    return entry(**{**names, "amount_cents": 300, **given})


DUE = ChargeDue(1000, KEY, "2026-11")
AGAIN = ChargeDue(1000, KEY, "2026-11", entry())
UNKNOWN_AMOUNT = ChargeDue(None, None, "2026-11")
UNKNOWN_KEY = ChargeDue(1000, None, "2026-11")
NOTHING = NothingDue()
MADE = CountKnown(entry(outcome="charged"), 1)
OPEN = (
    "amount_cents isn't charged, as it isn't known whether an earlier charge of {} cents was made"
)
OTHER_OPEN, SAME_OPEN = OPEN.format(300), OPEN.format(1000)
OTHER_ORGANIZATION = (
    "amount_cents isn't charged: the resource belongs to organization 'org_1', and the access token"
    " to 'org_2'"
)
INVOICE = "amount_cents can't be charged: organization org_1 pays by invoice"
OFF = "switched off: allow it with `pulumi config set parallel:maxTopUpCents 1000`"
NO_DATE = "amount_cents isn't charged: the server's answers have no date"
USED = (
    "The balance of 0 cents is low, and 'credit' charges nothing: {} cents of monthly_limit_cents"
    " {} are used in 2026-{}."
)
TWO_MONTHS = (other(outcome="charged", month="2026-10"), entry(key="k", outcome="charged"))
LONG_AGO = {"begun_at": NOW - 23 * HOUR}

Given = dict[str, Any]
# What the program says beside 1000 cents; what is otherwise than in FACTS; the decision.
ON_CHANGE: list[tuple[Given, Given, Decision | str]] = [
    ({}, {}, DUE),
    ({"amount_cents": 1000.0, "triggers": None}, {}, DUE),
    ({"amount_cents": UNKNOWN}, {}, UNKNOWN_AMOUNT),
    ({"triggers": {"a": [UNKNOWN]}}, {}, UNKNOWN_KEY),
    # The organization, before all else.
    ({}, {"balance": balance(org_id="org_2")}, OTHER_ORGANIZATION),
    ({}, {"balance": balance(org_id="org_2"), "entries": [MADE.entry]}, OTHER_ORGANIZATION),
    ({}, {"balance": balance(will_invoice=True)}, INVOICE),
    ({}, {"balance": balance(will_invoice=True), "entries": [MADE.entry]}, INVOICE),
    (
        {},
        {"balance": balance(will_invoice=True), "entries": [MADE.entry, other()]},
        "Remove this resource. And it isn't known whether an earlier charge of 300 cents was made",
    ),
    # The setting.
    (
        {},
        {"max_top_up_cents": None},
        f"amount_cents would charge the organization's card, which is {OFF}",
    ),
    ({}, {"max_top_up_cents": 999}, "amount_cents is more than one charge may be"),
    ({}, {"max_top_up_cents": 0}, "allows 0, and this is 1000"),
    ({"amount_cents": UNKNOWN}, {"max_top_up_cents": None}, UNKNOWN_AMOUNT),
    # What this machine knows of this charge, and of others.
    ({}, {"entries": [other(), MADE.entry]}, MADE),
    ({}, {"entries": [other(outcome="charged")]}, DUE),
    ({}, {"entries": [entry()]}, AGAIN),
    ({}, {"entries": [entry(**LONG_AGO)]}, SAME_OPEN),
    ({}, {"entries": [entry(begun_here=NOW - 23 * HOUR)]}, SAME_OPEN),
    ({}, {"entries": [entry()], "server_time": None}, SAME_OPEN),
    ({}, {"entries": [other()]}, OTHER_OPEN),
    ({}, {"entries": [other(**LONG_AGO)]}, OTHER_OPEN),
    ({}, {"entries": [entry(), other()]}, OTHER_OPEN),
    ({}, {"entries": [other(), entry()]}, OTHER_OPEN),
    ({"triggers": 1}, {"entries": [entry()]}, SAME_OPEN),
    ({"amount_cents": 999}, {"entries": [entry()]}, SAME_OPEN),
    ({"triggers": UNKNOWN}, {"entries": [entry()]}, UNKNOWN_KEY),
    # Its month depends on nothing else.
    ({}, {"server_time": None}, DUE),
    ({}, {"server_time": NOW + 60, "clock": NOW + 60}, replace(DUE, month="2026-12")),
]
BY_THRESHOLD: list[tuple[Given, Given, Decision | str]] = [
    ({}, {"balance": balance(499.5)}, DUE),
    ({}, {"balance": balance(500)}, NOTHING),
    ({"when_below_cents": 500.0}, {"balance": balance(500)}, NOTHING),
    ({"when_below_cents": UNKNOWN}, {"balance": balance(500)}, DUE),
    # Only a charge that is due is refused, but the organization's kind counts always.
    ({}, {"balance": balance(500), "max_top_up_cents": None}, NOTHING),
    ({}, {"balance": balance(500), "entries": [other()]}, NOTHING),
    ({}, {"balance": balance(500), "server_time": None}, NOTHING),
    ({}, {"balance": balance(500, "org_2")}, OTHER_ORGANIZATION),
    ({}, {"balance": balance(500, will_invoice=True)}, INVOICE),
    ({}, {"balance": balance(500), "entries": [MADE.entry]}, MADE),
    ({}, {"max_top_up_cents": None}, OFF),
    ({}, {"entries": [other()]}, OTHER_OPEN),
    ({}, {"entries": [entry()]}, AGAIN),
    # The month must be certain.
    ({}, {"server_time": None}, NO_DATE),
    ({}, {"clock": NOW - DAY}, DUE),
    ({}, {"clock": NOW + DAY}, DUE),
    ({}, {"clock": NOW - DAY - 1}, NO_DATE),
    ({}, {"clock": NOW + DAY + 1}, NO_DATE),
    # What the state has charged in the month, or the journal if that is more, and all others.
    ({"monthly_limit_cents": 1999}, {}, USED.format(1000, 1999, "11")),
    ({"monthly_limit_cents": 1999.0}, {"max_top_up_cents": None}, USED.format(1000, 1999, "11")),
    ({"monthly_limit_cents": None}, {}, USED.format(1000, 0, "11")),
    ({"monthly_limit_cents": UNKNOWN}, {}, DUE),
    ({"amount_cents": UNKNOWN, "monthly_limit_cents": 1}, {}, UNKNOWN_AMOUNT),
    ({"monthly_limit_cents": 1000}, {"server_time": NOW + 60}, replace(DUE, month="2026-12")),
    ({}, {"entries": TWO_MONTHS}, DUE),
    (
        {"monthly_limit_cents": 2499},
        {"entries": [entry(key="k", amount_cents=1500, outcome="charged")]},
        USED.format(1500, 2499, "11"),
    ),
    (
        {"monthly_limit_cents": 2500},
        {"entries": [entry(key="k", amount_cents=1500, outcome="charged")]},
        DUE,
    ),
    (
        {"monthly_limit_cents": 2299},
        {"entries": [other(outcome="charged")]},
        USED.format(1300, 2299, "11 (300 of them by other top-ups)"),
    ),
    ({"monthly_limit_cents": 2300}, {"entries": [other(outcome="charged")]}, DUE),
]
FACTS = Facts(balance(), 1000, (), NOW, NOW)


def rows() -> list[tuple[Given, Given, Decision | str]]:
    """Return the rows of both tables, with the whole inputs."""
    threshold = {"when_below_cents": 500, "monthly_limit_cents": 2000}
    table = [({**threshold, **news}, facts, expected) for news, facts, expected in BY_THRESHOLD]
    return [
        ({"amount_cents": 1000, **news}, facts, expected)
        for news, facts, expected in (*ON_CHANGE, *table)
    ]


@pytest.mark.parametrize(("news", "changed_facts", "expected"), rows())
def test_decision(news: Given, changed_facts: Given, expected: Decision | str) -> None:
    """Each condition of a charge, and which one comes first. A text is that of a refusal."""
    decision = decide(state(), news, replace(FACTS, **changed_facts))

    if not isinstance(expected, str):
        assert decision == expected
    elif isinstance(decision, NothingDue):
        assert expected in line_for_user(decision.warning or "")
    else:
        assert isinstance(decision, Refused)
        assert expected in line_for_user(decision.problem.text)


def test_month_of_the_state_counts_if_it_is_later() -> None:
    """Back in November, what was charged in December counts on."""
    decision = decide(state(month="2026-12"), dict(by_threshold(monthly_limit_cents=1999)), FACTS)

    assert isinstance(decision, NothingDue)
    assert USED.format(1000, 1999, "12") in line_for_user(decision.warning or "")


def test_refusal_by_an_open_charge_says_all_that_is_known_of_it() -> None:
    """What it was for, its key, until when it can be repeated, and how to settle it."""
    decision = decide(state(), dict(inputs()), replace(FACTS, entries=[other()]))

    assert isinstance(decision, Refused)
    assert line_for_user(decision.problem.text) == (
        f"{OTHER_OPEN} (for acme/shop/prod/other, under the idempotency key pulumi-other, begun "
        "2026-11-30 22:59 UTC). Until 2026-12-01 21:59 UTC, running the same program again is "
        "safe: it repeats this charge under the idempotency key pulumi-other, which the server "
        "carries out once. After that, or to charge anything else, look at the charges in the "
        "Parallel console (the balance alone proves nothing), and run `parallel-provider charges "
        "settle pulumi-other` with --charged or --not-charged"
    )


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine be where a day begins 14 hours earlier than in UTC."""
    monkeypatch.setenv("TZ", "LINT-14")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize(
    ("known", "server", "here", "expected"),
    [
        ("", "2026-11", "2026-11", "2026-11"),
        # This machine's clock is an hour behind, or the server's an hour ahead.
        ("2026-11", "2026-12", "2026-11-30T23", "2026-12"),
        ("2026-11", "2026-11-30T23", "2026-12", "2026-11"),
        ("2026-12", "2026-11", "2026-11", "2026-12"),
        # One of the two is wrong. No far month is kept.
        ("2026-11", "2099-01", "2026-11", "2026-11"),
        ("2026-11", "2026-11", "2099-01", "2026-11"),
        ("2026-11", None, "2026-12", "2026-12"),
    ],
)
def test_month_goes_by_the_server_and_never_far_ahead(
    known: str, server: str | None, here: str, expected: str
) -> None:
    """Months are UTC, and one wrong date isn't kept."""

    def seconds(text: str) -> float:
        whole = text + "2026-12-01T00"[len(text) :]
        return datetime.fromisoformat(f"{whole}:00+00:00").timestamp()

    assert month_now(known, None if server is None else seconds(server), seconds(here)) == expected


@pytest.mark.parametrize(
    ("month", "expected"),
    [("2026-10", ("2026-11", 1000)), ("2026-11", ("2026-11", 1300)), ("2026-12", ("2026-12", 300))],
)
def test_charge_is_counted_in_its_month(month: str, expected: tuple[str, int]) -> None:
    """A month that is over isn't counted again. Whatever else changes is marked as such."""
    before = state()
    after = before.with_charge(other(month=month, begun_at=NOW - 60.5), balance(5), balance(305))

    assert (after.month, after.month_charged_cents) == expected
    assert (after.charges, after.total_charged_cents, after.last_charge_cents) == (2, 1300, 300)
    assert (after.balance_before_cents, after.balance_after_cents) == (5, 305)
    assert (after.last_charged_at, after.last_idempotency_key) == (NOW - 61, "pulumi-other")
    changed = {name for name, value in dict(after).items() if value != getattr(before, name)}
    assert changed | {"month", "month_charged_cents"} == set(SET_BY_A_CHARGE)


def test_amounts_are_shown_with_all_digits() -> None:
    """A large balance isn't rounded."""
    assert [cents_text(c) for c in (0.0, 499.5, 1_234_567, 2e7)] == [
        "0",
        "499.5",
        "1234567",
        "20000000",
    ]


def test_idempotency_key_is_pinned() -> None:
    """Another key for the same reason would charge again what is charged already."""
    key = idempotency_key(IDENTITY, 0, 2000, {"quarter": "2026Q4", "n": [1, 2.5, None]})

    assert key == "pulumi-75b414f859a0039e3d9b162ed7bac6de85cf903230ccc92cb8336493cb480cb7"
    assert idempotency_key(IDENTITY, 1, 1000, None) == KEY
    assert state().identity.digest == OWN


def test_idempotency_key_ignores_what_the_wire_changes() -> None:
    """A re-run reads its numbers as floats, and its dicts in any order."""
    assert idempotency_key(IDENTITY, 1, 2000, {"a": 1, "b": [2]}) == idempotency_key(
        IDENTITY, 1, 2000, {"b": [2.0], "a": 1.0}
    )


def test_idempotency_key_is_another_for_another_reason() -> None:
    """Every part of the reason counts, and no two parts can be mistaken for each other."""
    reasons: list[tuple[ResourceNames, int, int, object]] = [
        (IDENTITY, 0, 2000, None),
        (replace(IDENTITY, organization="acme2"), 0, 2000, None),
        (replace(IDENTITY, project="shop2"), 0, 2000, None),
        (replace(IDENTITY, stack="prod2"), 0, 2000, None),
        (replace(IDENTITY, name="credit2"), 0, 2000, None),
        (replace(IDENTITY, parent_types="my:index:Shop"), 0, 2000, None),
        (ResourceNames("acme", "sh", "opprod", "credit", ""), 0, 2000, None),
        (ResourceNames("acme", 'shop","prod', "credit", "", ""), 0, 2000, None),
        # One has no organization and a parent, the other an organization and no parent.
        (ResourceNames("", "p", "s", "n", "t"), 0, 2000, None),
        (ResourceNames("p", "s", "n", "t", ""), 0, 2000, None),
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


def test_keys_are_made_of_the_names_at_creation(new_run: NewRun, emulator: Emulator) -> None:
    """Renamed in every way there is, the same reason has the same key still."""
    top_up = up(new_run, None, inputs())
    once = up(new_run, top_up, inputs(triggers=1))
    # As after a crash before the state was written, and a rename on top of it.
    again = up(new_run, top_up, inputs(triggers=1), name="new", stack="new")

    keys = [charge["idempotency_key"] for charge in emulator.state()["charges"]]
    assert keys == [top_up.last_idempotency_key, once.last_idempotency_key]
    assert again.last_idempotency_key == once.last_idempotency_key
    assert again.resource_name == "credit"


@pytest.mark.parametrize(
    ("news", "updates"),
    [
        ({}, ()),
        ({"triggers": 1}, ("triggers",)),
        ({"triggers": UNKNOWN}, ("triggers",)),
        ({"amount_cents": 1001}, ("amount_cents",)),
        ({"amount_cents": UNKNOWN}, ("amount_cents",)),
    ],
)
def test_diff_sees_what_charges(
    new_run: NewRun, emulator: Emulator, news: Given, updates: tuple[str, ...]
) -> None:
    """An unchanged top-up asks nobody."""
    old = state(org_id=emulator.org_id)

    diff = LIFECYCLE.diff(
        context(new_run() if updates else run_at()), old, {**dict(inputs()), **news}
    )

    assert diff == Diff(updates=updates)


@pytest.mark.usefixtures("one_time")
@pytest.mark.parametrize(("cents", "updates"), [(500, ()), (499, ("when_below_cents",))])
def test_diff_sees_that_a_charge_by_threshold_is_due(
    new_run: NewRun, emulator: Emulator, said: Said, cents: int, updates: tuple[str, ...]
) -> None:
    """Nothing differs. Only the balance is low, and the run tells once what it will do."""
    emulator.set_org(credit_balance_cents=cents)
    old, call = state(**dict(by_threshold()), org_id=emulator.org_id), context(new_run())

    for _ in range(2):
        assert LIFECYCLE.diff(call, old, dict(by_threshold())) == Diff(updates=updates)

    text = (
        f"'credit': `pulumi up` will charge 1000 cents to the card under the idempotency key {KEY},"
        " as the balance of 499 cents is below 500 (unless another charge raises it before this "
        "one's turn)."
    )
    assert said.infos == [text] * len(updates)


@pytest.mark.parametrize("new_first", [True, False])
def test_name_of_a_renamed_top_up_is_refused_for_a_new_one(
    new_run: NewRun, emulator: Emulator, *, new_first: bool
) -> None:
    """One charge would be counted for both. A refresh alone claims nothing."""
    run, renamed = new_run(), state(org_id=emulator.org_id)
    asking = {"amount_cents": 1000.0}
    calls: list[Callable[[], object]] = [
        lambda: LIFECYCLE.check(context(run), {}, asking),
        lambda: LIFECYCLE.diff(context(run, name="funds"), renamed, dict(inputs())),
    ]
    LIFECYCLE.diff(context(run, name="refreshed"), renamed, dict(inputs()))
    LIFECYCLE.check(context(run, name="funds"), asking, asking)

    first, second = calls if new_first else reversed(calls)
    first()
    with pytest.raises(LifecycleError, match="one charge would be counted for both") as failure:
        second()

    assert f"the top-up '{'credit' if new_first else 'funds'}'" in str(failure.value)


@pytest.mark.parametrize(
    ("news", "may_charge"),
    [
        ({}, False),
        ({"monthly_limit_cents": UNKNOWN}, False),
        ({"triggers": UNKNOWN}, True),
        ({"amount_cents": 999}, True),
        ({"when_below_cents": 1}, True),
    ],
)
def test_preview_of_an_update_knows_what_no_charge_changes(
    news: Given, *, may_charge: bool
) -> None:
    """Inputs are known, and what a charge changes isn't, if there may be one."""
    old = state()
    new = {**dict(inputs()), **news}

    expected = LIFECYCLE.expect_update(context(run_at()), old, new)

    after_charge = dict.fromkeys(SET_BY_A_CHARGE, UNKNOWN) if may_charge else {}
    assert expected == {**dict(old), **new, **after_charge}


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
    new_run: NewRun, emulator: Emulator, olds: Given, news: Given, *, asks: bool
) -> None:
    """An unchanged top-up needs neither the setting nor the server."""
    emulator.set_org(will_invoice=True)
    new_run().charge_journal.write(other(org_id="another organization's open charge"))
    for run in (run_at(), new_run()):
        checked = LIFECYCLE.check(context(run), olds, {"amount_cents": 1000.0, **news})

        assert [problem.input for problem in checked.problems] == ["amount_cents"] * asks
        assert not any("earlier charge" in problem.reason for problem in checked.problems)


@pytest.mark.parametrize("ends", ["charged", "too late", "cancelled"])
def test_charge_that_is_being_made_is_waited_for(
    new_run: NewRun, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """Its outcome isn't known only if it takes too long."""
    run = new_run()
    monkeypatch.setattr(type(run.api), "call_seconds", 0.1 if ends == "too late" else 30.0)
    begun = other(org_id=emulator.org_id)
    run.charge_journal.write(begun)
    run.balance.get()

    with ThreadPoolExecutor(1) as threads:
        with machine_lock("charge", emulator.org_id):
            checking = threads.submit(LIFECYCLE.check, context(run), {}, {"amount_cents": 1000.0})
            if ends == "charged":
                assert not wait([checking], timeout=0.5).done
                run.charge_journal.write(begun.model_copy(update={"outcome": "charged"}))
            else:
                if ends == "cancelled":
                    run.cancellation.set()
                assert wait([checking], timeout=20).done
        problems = checking.result().problems

    assert [OTHER_OPEN in line_for_user(problem.text) for problem in problems] == [True] * (
        ends != "charged"
    )


def test_charges_of_another_organization_count_for_nothing(
    new_run: NewRun, emulator: Emulator
) -> None:
    """Neither its open one, nor one under the same key."""
    run = new_run()
    for key in (KEY, "pulumi-other"):
        run.charge_journal.write(entry(key=key))
    old = state(org_id=emulator.org_id)

    assert LIFECYCLE.check(context(run), {}, {"amount_cents": 1000.0}).problems == []
    assert LIFECYCLE.update(context(run), old, inputs(triggers=1)).charges == 2
    assert len(emulator.state()["charges"]) == 1


@pytest.mark.usefixtures("one_time")
def test_threshold_taken_away_charges_nothing_by_itself(
    new_run: NewRun, emulator: Emulator
) -> None:
    """Only amount and triggers ask for a charge; the new form is kept."""
    emulator.set_org(credit_balance_cents=1000)
    top_up = up(new_run, None, by_threshold())

    top_up = up(new_run, top_up, inputs())

    assert (top_up.charges, top_up.when_below_cents) == (0, None)
    assert emulator.state()["charges"] == []


@pytest.mark.usefixtures("one_time")
def test_threshold_whose_charge_is_refused_is_an_update_with_a_warning(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """A refresh compares too, and must not fail. The update fails."""
    old = state(**dict(by_threshold()), org_id=emulator.org_id)
    run = new_run()
    run.charge_journal.write(other(org_id=emulator.org_id))

    diff = LIFECYCLE.diff(context(run), old, dict(by_threshold()))

    assert diff.updates == ("when_below_cents",)
    assert f"'credit': {OTHER_OPEN}" in said.warnings[0]
    with pytest.raises(LifecycleError, match="isn't charged, as it isn't known"):
        LIFECYCLE.update(context(run), old, by_threshold())
    with pytest.raises(LifecycleError, match="isn't charged, as it isn't known"):
        LIFECYCLE.diff(context(run), old, dict(inputs(triggers=1)))


def test_read_and_delete_ask_nobody(said: Said) -> None:
    """The server keeps nothing to compare with, and gives nothing back."""
    run = run_at(said=said)

    assert LIFECYCLE.read(context(run), state()) == state()
    LIFECYCLE.delete(context(run), state(total_charged_cents=0))
    assert said.warnings == []
    LIFECYCLE.delete(context(run), state())
    assert "not paid back" in said.warnings[0]


@pytest.mark.usefixtures("one_time")
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


@pytest.mark.usefixtures("one_time")
@pytest.mark.parametrize("lost", ["destroyed", "restored"])
def test_state_that_is_older_by_several_charges_charges_none_of_them_again(
    new_run: NewRun, emulator: Emulator, said: Said, lost: str
) -> None:
    """The reason is the same as before; a new reason charges again, also back to an old value."""
    oldest = up(new_run, None, inputs())
    newest = up(new_run, up(new_run, oldest, inputs(triggers=1)), inputs(triggers=2))
    assert len(emulator.state()["charges"]) == 3

    kept = None if lost == "destroyed" else oldest
    again = up(new_run, kept, inputs(triggers=2))

    assert len(emulator.state()["charges"]) == 3
    assert (again.charges, again.last_idempotency_key) == (3, newest.last_idempotency_key)
    assert len([warning for warning in said.warnings if "Nothing was charged now" in warning]) == 1
    for number, triggers in enumerate((1, 2), start=4):
        again = up(new_run, again, inputs(triggers=triggers))
        assert len(emulator.state()["charges"]) == again.charges == number
