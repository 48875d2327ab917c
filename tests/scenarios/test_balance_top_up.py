"""BalanceTopUp: charges exactly when it is allowed and requested, and never otherwise."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, is_secret, plain
from tests.reliability.document import text_pattern
from tests.scenarios.clock import Clock
from tests.scenarios.story import (
    ADD_BALANCE,
    GET_BALANCE,
    assert_fails,
    assert_refused,
    calls,
    warnings,
)
from tests.scenarios.top_ups import allow, amounts, outputs, top_up


def test_top_up_without_the_setting_is_refused(project: Project, emulator: Emulator) -> None:
    """Charging is off by default, in preview and in up. The line says how to allow it."""
    top_up(project, "amount_cents=2000")

    for operation in ("preview", "up"):
        assert_fails(
            project,
            operation,
            "a problem: amount_cents would charge",
            "switched off",
            "`pulumi config set parallel:maxTopUpCents 2000`",
            "PARALLEL_MAX_TOP_UP_CENTS",
            resource="credit",
        )
    assert emulator.state()["requests"] == {}


def test_top_up_beyond_the_maximum_is_refused(project: Project, emulator: Emulator) -> None:
    """The stack's setting counts, even if the environment would allow more."""
    project.env["PARALLEL_MAX_TOP_UP_CENTS"] = "5000"
    allow(project, 1999)
    top_up(project, "amount_cents=2000")

    assert_fails(
        project, "preview", "parallel:maxTopUpCents", "allows 1999", "2000", resource="credit"
    )
    assert emulator.state()["requests"] == {}


def test_bad_amounts_are_refused_all_at_once(project: Project, emulator: Emulator) -> None:
    """Each wrong input has its own line."""
    allow(project, 10_000)
    top_up(project, "amount_cents=10001, when_below_cents='low', monthly_limit_cents=0.5")

    text = project.fails("preview")

    for words in (
        ("amount_cents must be", "from 1 to 10000"),
        ("when_below_cents must be", "whole number of cents"),
        ("monthly_limit_cents must be", "whole number of cents"),
    ):
        assert_refused(project, text, *words, resource="credit")
    assert emulator.state()["requests"] == {}


def test_charged_once_and_never_by_anything_but_a_charge(
    project: Project, emulator: Emulator
) -> None:
    """Preview, a second run, a refresh, a rename by alias and destroy charge nothing."""
    emulator.set_org(credit_balance_cents=300)
    allow(project, 2000)
    top_up(project, "amount_cents=2000")

    with calls(emulator) as made:
        preview = project.preview()
    assert changes(preview) == {"create": 2}
    assert made == {GET_BALANCE: 1}
    assert "'credit': `pulumi up` will charge 2000 cents to the card" in preview.stdout

    with calls(emulator) as made:
        charged = project.up()
    assert changes(charged) == {"create": 2}
    assert amounts(emulator) == [2000]
    assert made[ADD_BALANCE] == 1
    [charge] = emulator.state()["charges"]
    assert f"Charged 2000 cents (key {charge['idempotency_key']})" in charged.stdout
    said = outputs(project)
    assert {name: value for name, value in said.items() if not isinstance(value, dict)}.items() >= {
        "amount_cents": 2000,
        "org_id": emulator.org_id,
        "charges": 1,
        "last_charge_cents": 2000,
        "total_charged_cents": 2000,
        "month": datetime.fromtimestamp(charge["at"], tz=timezone.utc).strftime("%Y-%m"),
        "month_charged_cents": 2000,
        "balance_before_cents": 300,
        "balance_after_cents": 2300,
    }.items()
    assert is_secret(said["last_idempotency_key"])
    assert plain(said["last_idempotency_key"]) == charge["idempotency_key"]

    with calls(emulator) as made:
        assert changes(project.up()) == {"same": 2}
        assert changes(project.preview()) == {"same": 2}
        assert changes(project.refresh()) == {"same": 2}
        top_up(
            project,
            "amount_cents=2000",
            name="funds",
            options='aliases=[pulumi.Alias(name="credit")]',
        )
        assert changes(project.up()) == {"same": 2}
        destroyed = project.destroy()
    assert made == {}
    assert amounts(emulator) == [2000]
    [warning] = warnings(destroyed.stdout)
    for words in ("'credit'", "2000 cents", "not paid back"):
        assert words in warning


def test_triggers_and_amount_charge_again_each_time_they_change(
    project: Project, emulator: Emulator
) -> None:
    """Each is announced, has a key of its own, and is counted."""
    allow(project, 2000)
    for cents, triggers in (
        (1000, ""),
        (1000, ", triggers={'quarter': 'Q4'}"),
        (2000, ", triggers={'quarter': 'Q4'}"),
        # A change back to an earlier value is a change too.
        (1000, ""),
    ):
        top_up(project, f"amount_cents={cents}{triggers}")
        assert f"`pulumi up` will charge {cents} cents to the card" in project.preview().stdout
        charged = project.up()
        key = emulator.state()["charges"][-1]["idempotency_key"]
        assert f"Charged {cents} cents (key {key})" in charged.stdout
    assert "will charge" not in project.refresh().stdout

    assert amounts(emulator) == [1000, 1000, 2000, 1000]
    assert len({charge["idempotency_key"] for charge in emulator.state()["charges"]}) == 4
    said = outputs(project)
    assert (said["charges"], said["total_charged_cents"]) == (4, 5000)
    assert (said["last_charge_cents"], said["month_charged_cents"]) == (1000, 5000)


def test_change_that_charges_is_refused_without_the_setting(
    project: Project, emulator: Emulator
) -> None:
    """When charging is turned off later, the state stays and nothing more is charged."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()

    project.stack.remove_config("parallel:maxTopUpCents")
    assert changes(project.up()) == {"same": 2}
    top_up(project, "amount_cents=1000, triggers=1")
    assert_fails(project, "up", "switched off", resource="credit")
    assert amounts(emulator) == [1000]


def test_invoiced_organization_is_refused_in_preview(project: Project, emulator: Emulator) -> None:
    """Such an organization has no prepaid balance to top up."""
    emulator.set_org(will_invoice=True)
    allow(project, 1000)
    top_up(project, "amount_cents=1000")

    for operation in ("preview", "up"):
        assert_fails(
            project,
            operation,
            "a problem: amount_cents ",
            "pays by invoice",
            "Remove this resource",
            resource="credit",
        )
    assert ADD_BALANCE not in emulator.state()["requests"]


def test_destroyed_and_declared_again_does_not_charge_twice(
    project: Project, emulator: Emulator
) -> None:
    """The server knows the key for a day, and the journal later too. A warning says what to do."""
    clock = Clock(project, emulator)
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()
    for _ in range(2):
        project.destroy()

        again = project.up()

        assert changes(again) == {"create": 2}
        assert amounts(emulator) == [1000]
        [warning] = warnings(again.stdout)
        key = plain(outputs(project)["last_idempotency_key"])
        for words in ("Nothing was charged now", key, "change `triggers`"):
            assert words in warning
        clock.forward(days=1, seconds=5)

    top_up(project, "amount_cents=1000, triggers=1")
    project.up()
    assert amounts(emulator) == [1000, 1000]
    # This one has charged for another reason before.
    project.destroy()
    assert "and charge nothing for them" in project.preview().stdout
    project.up()
    assert amounts(emulator) == [1000, 1000]


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [("no card", "add a payment method"), ("card_declined", "choose another payment method")],
)
def test_charge_that_needs_a_card_is_refused_in_one_line(
    project: Project, emulator: Emulator, refusal: str, advice: str
) -> None:
    """The error for 402 says what to do in the console. The next run charges."""
    path = "/service/v1/balance/add"
    emulator.add_fault("status", method="POST", path=path, status=402, body={"error": refusal})
    allow(project, 1000)
    top_up(project, "amount_cents=1000")

    assert_fails(project, "up", "402", refusal, advice, resource="credit")
    assert amounts(emulator) == []

    assert changes(project.up()) == {"create": 1, "same": 1}
    assert amounts(emulator) == [1000]


def test_charge_of_unknown_outcome_is_repeated_under_its_key(
    project: Project, emulator: Emulator
) -> None:
    """The error has the key and the time until which a run is safe. That run charges no more."""
    allow(project, 1000)
    top_up(project, "amount_cents=500")
    emulator.add_fault("garbage", method="POST", path="/service/v1/balance/add", times=9)

    text = project.fails("up")

    [charge] = emulator.state()["charges"]
    assert_refused(
        project,
        text,
        "it isn't known whether 500 cents were charged",
        charge["idempotency_key"],
        "is 500 cents now",
        "running the same program again is safe",
        "look at the charges in the Parallel console",
        f"parallel-provider charges settle {charge['idempotency_key']}",
        resource="credit",
    )
    assert re.search(text_pattern("Top up once: the charge", "garbage after", "always"), text)

    emulator.clear_faults()
    again = project.up()
    assert amounts(emulator) == [500]
    assert changes(again) == {"create": 1, "same": 1}
    assert plain(outputs(project)["last_idempotency_key"]) == charge["idempotency_key"]


def test_open_charge_stops_what_an_edit_asks_for(project: Project, emulator: Emulator) -> None:
    """A lower amount or another trigger, as a mere re-run with a run's id has, charges nothing."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000, triggers=1")
    emulator.add_fault("garbage", method="POST", path="/service/v1/balance/add", times=9)
    project.fails("up")
    emulator.clear_faults()
    [charge] = emulator.state()["charges"]

    moved = "parent=pulumi.ComponentResource('my:index:Shop', 'shop')"
    for arguments, name, options in (
        ("amount_cents=900, triggers=1", "credit", ""),
        ("amount_cents=1000, triggers=2", "credit", ""),
        ("amount_cents=1000, triggers=1", "credit", moved),
        ("amount_cents=1000, triggers=1", "other", ""),
        ("amount_cents=100, when_below_cents=9000, monthly_limit_cents=100", "low", ""),
    ):
        top_up(project, arguments, name=name, options=options)
        for operation in ("preview", "up"):
            assert_refused(
                project,
                project.fails(operation),
                "isn't charged, as it isn't known whether an earlier charge of 1000 cents was made",
                "running the same program again is safe",
                f"parallel-provider charges settle {charge['idempotency_key']}",
                resource=name,
            )
    assert amounts(emulator) == [1000]

    top_up(project, "amount_cents=1000, triggers=1")
    project.up()
    top_up(project, "amount_cents=900, triggers=1")
    project.up()
    assert amounts(emulator) == [1000, 900]
    assert outputs(project)["total_charged_cents"] == 1900


def test_secret_trigger_cannot_be_guessed_from_the_state(
    project: Project, emulator: Emulator
) -> None:
    """The key is a secret there, since a trigger with few possible values is a part of it."""
    allow(project, 1000)
    for pin in ("1111", "2222"):
        top_up(project, f"amount_cents=1000, triggers=pulumi.Output.secret({pin!r})")
        project.up()

    found = outputs(project)
    assert is_secret(found["last_idempotency_key"])
    assert is_secret(found["triggers"])
    assert amounts(emulator) == [1000, 1000]
    assert changes(project.up()) == {"same": 2}


@pytest.mark.providers("dynamic")  # our classes check it, which generated ones can't
def test_number_that_cannot_be_sent_exactly_is_refused(
    project: Project, emulator: Emulator
) -> None:
    """Two integers beyond 2**53 can arrive as the same number, and then a change isn't noticed."""
    allow(project, 1000)
    for arguments, words in (
        (f"amount_cents=1000, triggers={{'run': {2**53 + 1}}}", "triggers holds a number beyond"),
        (f"amount_cents=1000, triggers=pulumi.Output.from_input({2**60})", "write it as text"),
        ("amount_cents=10**400", "amount_cents holds a number beyond"),
        (
            "amount_cents=1000, monthly_limit_cents=2000,"
            f" when_below_cents=pulumi.Output.from_input({2**64})",
            "must be at most 9007199254740991",
        ),
    ):
        top_up(project, arguments)
        text = project.fails("preview")
        assert words in text
        assert "please report" not in text
    assert emulator.state()["requests"] == {}
