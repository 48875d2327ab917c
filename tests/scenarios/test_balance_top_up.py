"""BalanceTopUp: charged exactly when that is plainly allowed and asked for, and never otherwise."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    ADD_BALANCE,
    GET_BALANCE,
    assert_refused,
    calls,
    declare,
    warnings,
)


def top_up(project: Project, arguments: str, *, name: str = "credit", options: str = "") -> None:
    """Declare one top-up."""
    declare(
        project,
        f"""
        parallel.BalanceTopUp({name!r}, {arguments}, opts=pulumi.ResourceOptions({options}))
        """,
    )


def allow(project: Project, cents: int) -> None:
    """Let one charge be this much."""
    project.config("parallel:maxTopUpCents", str(cents))


def amounts(emulator: Emulator) -> list[int]:
    """Return what was really charged so far."""
    return [charge["amount_cents"] for charge in emulator.state()["charges"]]


def outputs(project: Project, name: str = "credit") -> dict[str, Any]:
    """Return the top-up's outputs."""
    found: dict[str, Any] = project.resource(name)["outputs"]
    return found


def test_top_up_without_the_setting_is_refused(project: Project, emulator: Emulator) -> None:
    """Off unless switched on, in preview and in up; the line says how."""
    top_up(project, "amount_cents=2000")

    for operation in ("preview", "up"):
        text = project.fails(operation)
        assert_refused(
            project,
            text,
            "a problem: amount_cents would charge",
            "switched off",
            "`pulumi config set parallel:maxTopUpCents 2000`",
            "PARALLEL_MAX_TOP_UP_CENTS",
            resource="credit",
        )
    assert emulator.state()["requests"] == {}


def test_top_up_beyond_the_maximum_is_refused(project: Project, emulator: Emulator) -> None:
    """The setting of the stack counts, also where the environment would allow more."""
    project.env["PARALLEL_MAX_TOP_UP_CENTS"] = "5000"
    allow(project, 1999)
    top_up(project, "amount_cents=2000")

    text = project.fails("preview")

    assert_refused(project, text, "parallel:maxTopUpCents allows 1999", "2000", resource="credit")
    assert emulator.state()["requests"] == {}


def test_bad_amounts_are_refused_all_at_once(project: Project, emulator: Emulator) -> None:
    """Each input that is wrong has a line of its own."""
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
        assert changes(project.preview()) == {"create": 2}
    assert made == {GET_BALANCE: 1}

    with calls(emulator) as made:
        charged = project.up()
    assert changes(charged) == {"create": 2}
    assert amounts(emulator) == [2000]
    assert made[ADD_BALANCE] == 1
    [charge] = emulator.state()["charges"]
    said = outputs(project)
    assert (
        said.items()
        >= {
            "amount_cents": 2000,
            "org_id": emulator.org_id,
            "charges": 1,
            "last_charge_cents": 2000,
            "total_charged_cents": 2000,
            "month": datetime.fromtimestamp(charge["at"], tz=timezone.utc).strftime("%Y-%m"),
            "month_charged_cents": 2000,
            "balance_before_cents": 300,
            "balance_after_cents": 2300,
            "last_idempotency_key": charge["idempotency_key"],
        }.items()
    )

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
    """One more charge for each change, each under a key of its own; the sum is kept."""
    allow(project, 2000)
    for arguments in (
        "amount_cents=1000",
        "amount_cents=1000, triggers={'quarter': 'Q4'}",
        "amount_cents=2000, triggers={'quarter': 'Q4'}",
        # Back to what it once was is a change too.
        "amount_cents=1000",
    ):
        top_up(project, arguments)
        project.up()

    assert amounts(emulator) == [1000, 1000, 2000, 1000]
    assert len({charge["idempotency_key"] for charge in emulator.state()["charges"]}) == 4
    said = outputs(project)
    assert (said["charges"], said["total_charged_cents"]) == (4, 5000)
    assert (said["last_charge_cents"], said["month_charged_cents"]) == (1000, 5000)


def test_change_that_charges_is_refused_without_the_setting(
    project: Project, emulator: Emulator
) -> None:
    """Switched off later on, what is there stays and more isn't charged."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()

    project.stack.remove_config("parallel:maxTopUpCents")
    assert changes(project.up()) == {"same": 2}
    top_up(project, "amount_cents=1000, triggers=1")
    text = project.fails("up")

    assert_refused(project, text, "switched off", resource="credit")
    assert amounts(emulator) == [1000]


def test_threshold_charges_only_where_the_balance_is_below_it(
    project: Project, emulator: Emulator
) -> None:
    """A run that finds enough charges nothing; each that finds too little charges once."""
    emulator.set_org(credit_balance_cents=500)
    allow(project, 1000)
    arguments = "amount_cents=1000, when_below_cents=500, monthly_limit_cents=2500, triggers={}"
    top_up(project, arguments.format(0))
    project.up()
    assert amounts(emulator) == []
    assert outputs(project)["charges"] == 0

    emulator.set_org(credit_balance_cents=499)
    preview = project.preview()
    assert changes(preview) == {"update": 1, "same": 1}
    assert amounts(emulator) == []
    assert "'credit' is due to charge 1000 cents" in preview.stdout
    project.up()
    assert amounts(emulator) == [1000]

    # By threshold, triggers charge nothing by themselves.
    top_up(project, arguments.format(1))
    project.up()
    with calls(emulator) as made:
        assert changes(project.up()) == {"same": 2}
    assert made == {GET_BALANCE: 1}
    assert amounts(emulator) == [1000]


def test_monthly_limit_ends_charging_until_the_next_month(
    project: Project, emulator: Emulator
) -> None:
    """Beyond the limit the run goes on with a warning; a new month starts from nothing."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000, when_below_cents=500, monthly_limit_cents=1999")
    project.up()
    emulator.set_org(credit_balance_cents=0)

    limited = project.up()

    assert changes(limited) == {"same": 2}
    assert amounts(emulator) == [1000]
    [warning] = warnings(limited.stdout)
    for words in ("'credit'", "charges nothing", "1000 cents of monthly_limit_cents 1999"):
        assert words in warning

    # A month later, as far as the state knows.
    state = project.stack.export_stack()
    for resource in state.deployment["resources"]:
        if resource["urn"].endswith("::credit"):
            resource["outputs"]["month"] = "2020-01"
    project.stack.import_stack(state)
    assert changes(project.up()) == {"update": 1, "same": 1}
    assert amounts(emulator) == [1000, 1000]
    said = outputs(project)
    assert (said["month_charged_cents"], said["total_charged_cents"]) == (1000, 2000)


def test_threshold_needs_a_limit_of_at_least_one_charge(project: Project) -> None:
    """What could charge in every run has to have an end."""
    allow(project, 1000)
    declare(
        project,
        """
        parallel.BalanceTopUp("endless", amount_cents=1000, when_below_cents=500)
        """,
    )
    text = project.fails("preview")
    assert_refused(
        project, text, "monthly_limit_cents", "required together with", resource="endless"
    )


def test_invoiced_organization_is_refused_in_preview(project: Project, emulator: Emulator) -> None:
    """It has no balance that could be topped up."""
    emulator.set_org(will_invoice=True)
    allow(project, 1000)
    top_up(project, "amount_cents=1000")

    for operation in ("preview", "up"):
        text = project.fails(operation)
        assert_refused(
            project,
            text,
            "a problem: amount_cents ",
            "pays by invoice",
            "Remove this resource",
            resource="credit",
        )
    assert ADD_BALANCE not in emulator.state()["requests"]


def test_destroyed_and_declared_again_does_not_charge_twice(
    project: Project, emulator: Emulator
) -> None:
    """The server knows the key of the first charge; a warning says how to charge all the same."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()
    project.destroy()

    again = project.up()

    assert changes(again) == {"create": 2}
    assert amounts(emulator) == [1000]
    [warning] = warnings(again.stdout)
    for words in ("didn't rise", outputs(project)["last_idempotency_key"], "change `triggers`"):
        assert words in warning


def test_missing_payment_method_is_one_line(project: Project, emulator: Emulator) -> None:
    """402 says where to add one; the run after that charges."""
    emulator.set_org(has_payment_method=False)
    allow(project, 1000)
    top_up(project, "amount_cents=1000")

    text = project.fails("up")
    assert_refused(
        project, text, "402", "add a payment method in the Parallel console", resource="credit"
    )
    assert amounts(emulator) == []

    emulator.set_org(has_payment_method=True)
    assert changes(project.up()) == {"create": 1, "same": 1}
    assert amounts(emulator) == [1000]


def test_charge_of_unknown_outcome_is_repeated_under_its_key(
    project: Project, emulator: Emulator
) -> None:
    """The error names the key and until when another run is safe; that run charges nothing more."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    emulator.add_fault("garbage", method="POST", path="/service/v1/balance/add", times=9)

    text = project.fails("up")

    [charge] = emulator.state()["charges"]
    assert_refused(
        project,
        text,
        "it isn't known whether 1000 cents were charged",
        charge["idempotency_key"],
        "is 1000 cents now",
        "running again is safe",
        "look at the balance",
        resource="credit",
    )

    emulator.clear_faults()
    again = project.up()
    assert amounts(emulator) == [1000]
    assert changes(again) == {"create": 1, "same": 1}
    assert outputs(project)["last_idempotency_key"] == charge["idempotency_key"]


def test_charge_for_another_organization_is_refused(project: Project, emulator: Emulator) -> None:
    """Another organization's token can't make this top-up charge another card."""
    allow(project, 1000)
    top_up(project, "amount_cents=1000")
    project.up()
    other = emulator.add_org()

    project.env["PARALLEL_ACCESS_TOKEN"] = other["access_token"]
    top_up(project, "amount_cents=1000, triggers=1")
    text = project.fails("up")

    assert_refused(project, text, emulator.org_id, other["org_id"], resource="credit")
    assert emulator.state(other["org_id"])["charges"] == []
    assert amounts(emulator) == [1000]
