"""One charge: its key, what forbids it, and what is known afterwards."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from parallel_provider.api import Balance
from parallel_provider.lifecycle.charge import (
    charge,
    idempotency_key,
    why_invoiced,
    why_not_allowed,
)
from parallel_provider.lifecycle.errors import LifecycleError, UnknownChargeError
from parallel_provider.lifecycle.run import Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said

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

    assert len({idempotency_key(*reason) for reason in reasons}) == len(reasons)


@pytest.mark.parametrize(
    ("amount", "most", "says"),
    [
        (2000, 2000, None),
        (1, 10_000, None),
        (2000, None, "switched off: allow it with `pulumi config set parallel:maxTopUpCents 2000`"),
        (2001, 2000, "parallel:maxTopUpCents allows 2000, and this is 2001"),
        (1, 0, "parallel:maxTopUpCents allows 0"),
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
    assert why_invoiced(msgspec.structs.replace(invoiced, will_invoice=False)) is None


def test_charge_tells_the_balance_before_and_after(
    new_run: Callable[[], Run], emulator: Emulator, said: Said
) -> None:
    """All went well: there is nothing to say."""
    emulator.set_org(credit_balance_cents=100)

    before, after = charge(new_run(), 500, KEY)

    assert (before.credit_balance_cents, after.credit_balance_cents) == (100, 600)
    assert said.warnings == []


def test_charge_is_refused_at_the_last_moment_too(
    new_run: Callable[[], Run], emulator: Emulator
) -> None:
    """A run without a preview has only this."""
    with pytest.raises(LifecycleError, match="allows 2000"):
        charge(new_run(), 2001, KEY)
    emulator.set_org(will_invoice=True)
    with pytest.raises(LifecycleError, match="pays by invoice"):
        charge(new_run(), 500, KEY)

    assert emulator.state()["charges"] == []
    assert f"POST {ADD}" not in emulator.state()["requests"]


def test_charge_of_unknown_outcome_says_all_that_is_known(
    new_run: Callable[[], Run], emulator: Emulator
) -> None:
    """The key, the balances, until when a re-run is safe, and what to do after that."""
    emulator.add_fault("drop_after", path=ADD, times=9)

    with pytest.raises(UnknownChargeError) as failure:
        charge(new_run(), 500, KEY)

    for words in (
        "it isn't known whether 500 cents were charged",
        "The balance was 0 cents before, and is 500 cents now",
        "Until 2026-12-01 23:59 UTC running again is safe",
        KEY,
        "After that, look at the balance before you run again",
    ):
        assert words in str(failure.value)


def test_charge_of_unknown_outcome_without_a_balance_says_so(
    new_run: Callable[[], Run], emulator: Emulator
) -> None:
    """A server that is gone altogether can't be asked for the balance either."""
    emulator.add_fault("drop_before", path="*", times=99, after=1)

    with pytest.raises(UnknownChargeError, match="is not known, as it can't be read either now"):
        charge(new_run(), 500, KEY)


def test_charge_that_was_made_before_is_a_warning(
    new_run: Callable[[], Run], emulator: Emulator, said: Said
) -> None:
    """The server charges once for a key; the user is told how to charge all the same."""
    charge(new_run(), 500, KEY)
    charge(new_run(), 500, KEY)

    assert len(emulator.state()["charges"]) == 1
    [warning] = said.warnings
    assert "before: 500, after: 500" in warning
    assert KEY in warning
    assert "change `triggers`" in warning
