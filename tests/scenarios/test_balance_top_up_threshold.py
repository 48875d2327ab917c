"""BalanceTopUp by threshold: charges only as often as needed, and reads the balance first."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.reliability.test_two_runs import both, up_at_once
from tests.scenarios.clock import Clock
from tests.scenarios.story import (
    GET_BALANCE,
    assert_fails,
    calls,
    declare,
    in_words_of,
    warnings,
)
from tests.scenarios.top_ups import allow, amounts, outputs, top_up

__all__ = ["both"]


def test_threshold_charges_only_where_the_balance_is_below_it(
    project: Project, emulator: Emulator
) -> None:
    """A run charges once if the balance is below the threshold, and otherwise nothing."""
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
    assert "'credit': `pulumi up` will charge 1000 cents" in preview.stdout
    project.up()
    assert amounts(emulator) == [1000]

    # With a threshold, a change of triggers charges nothing.
    top_up(project, arguments.format(1))
    project.up()
    with calls(emulator) as made:
        assert changes(project.up()) == {"same": 2}
    assert made == {GET_BALANCE: 1}
    assert amounts(emulator) == [1000]


def test_monthly_limit_ends_charging_until_the_next_month(
    project: Project, emulator: Emulator
) -> None:
    """At the limit, the run continues with a warning. A new month starts at zero."""
    clock = Clock(project, emulator)
    allow(project, 1000)
    top_up(project, "amount_cents=1000, when_below_cents=500, monthly_limit_cents=1999")
    project.up()
    emulator.set_org(credit_balance_cents=0)

    limited = project.up()

    assert changes(limited) == {"same": 2}
    assert amounts(emulator) == [1000]
    [warning] = warnings(limited.stdout)
    used = "1000 cents of monthly_limit_cents 1999"
    for words in in_words_of(project, "'credit'", "charges nothing", used):
        assert words in warning

    clock.forward(days=31)
    assert changes(project.up()) == {"update": 1, "same": 1}
    assert amounts(emulator) == [1000, 1000]
    said = outputs(project)
    assert (said["month_charged_cents"], said["total_charged_cents"]) == (1000, 2000)


def test_monthly_limit_counts_on_after_a_rename(project: Project, emulator: Emulator) -> None:
    """A new name is a new resource, and what the old one has charged counts for the month."""
    allow(project, 1000)
    arguments = "amount_cents=1000, when_below_cents=500, monthly_limit_cents=2000"
    for name in ("a", "b", "c", "d"):
        emulator.set_org(credit_balance_cents=0)
        top_up(project, arguments, name=name)
        limited = project.up()

    assert amounts(emulator) == [1000, 1000]
    used = "2000 cents of monthly_limit_cents 2000"
    for words in in_words_of(project, "charges nothing", used, "2000 of them by other top-ups"):
        assert words in limited.stdout


def test_threshold_needs_a_limit_of_at_least_one_charge(project: Project) -> None:
    """A top-up that can charge in every run must have a limit."""
    allow(project, 1000)
    declare(
        project,
        """
        parallel.BalanceTopUp("endless", amount_cents=1000, when_below_cents=500)
        """,
    )
    assert_fails(
        project, "preview", "monthly_limit_cents", "required together with", resource="endless"
    )


def test_top_ups_of_one_program_charge_once_where_one_charge_is_enough(
    project: Project, emulator: Emulator
) -> None:
    """Each top-up reads the balance again before it charges."""
    emulator.set_settings(latency_seconds=0.2)
    allow(project, 1000)
    declare(
        project,
        """
        for name in ("a", "b", "c"):
            parallel.BalanceTopUp(
                name, amount_cents=1000, when_below_cents=500, monthly_limit_cents=5000
            )
        """,
    )

    preview = project.preview()
    project.up()
    assert amounts(emulator) == [1000]
    assert "unless another charge raises it before this one's turn" in preview.stdout

    # The same is true for top-ups that already exist.
    emulator.set_org(credit_balance_cents=0)
    project.up()
    assert amounts(emulator) == [1000, 1000]
    assert sum(outputs(project, name)["charges"] for name in ("a", "b", "c")) == 2


def test_two_runs_at_once_charge_once_where_one_charge_is_enough(
    both: list[Project], emulator: Emulator
) -> None:
    """The second process waits, and then sees the first one's charge."""
    for number, project in enumerate(both):
        allow(project, 1000)
        arguments = "amount_cents=1000, when_below_cents=500, monthly_limit_cents=5000"
        top_up(project, arguments, name=f"credit-{number}")

    up_at_once(both)

    assert amounts(emulator) == [1000]


@pytest.mark.providers("dynamic")  # the SDK takes None for unknown; our classes mend that
def test_outputs_of_a_charge_that_was_never_made_are_known_in_a_preview(
    project: Project, emulator: Emulator
) -> None:
    """They are None and not unknown, so nothing shows as changing."""
    emulator.set_org(credit_balance_cents=5000)
    project.env["PARALLEL_MAX_TOP_UP_CENTS"] = "2000"
    declare(
        project,
        """
        credit = parallel.BalanceTopUp(
            "credit", amount_cents=2000, when_below_cents=500, monthly_limit_cents=4000
        )
        pulumi.export("charged_at", credit.last_charged_at)
        """,
    )
    project.up()

    preview = project.preview()

    assert changes(preview) == {"same": 2}
    assert "charged_at" not in preview.stdout


def test_preview_tells_a_charge_that_follows_one_that_is_counted(
    project: Project, emulator: Emulator
) -> None:
    """A top-up that is declared again counts what it has charged, and charges if that is due."""
    emulator.set_org(credit_balance_cents=0)
    allow(project, 1000)
    top_up(project, "amount_cents=1000, when_below_cents=500, monthly_limit_cents=5000")
    project.up()
    project.destroy()
    emulator.set_org(credit_balance_cents=0)

    told = project.preview().stdout

    assert "will count 1000 cents that were charged before" in told
    assert "`pulumi up` will charge 1000 cents to the card" in told
    assert amounts(emulator) == [1000]
    project.up()
    assert amounts(emulator) == [1000, 1000]
    assert outputs(project)["charges"] == 2
