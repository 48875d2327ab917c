"""The balance, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

DAY = 24 * 3600


def _add(http: httpx.Client, amount_cents: Any, key: str = "first-charge") -> httpx.Response:  # noqa: ANN401 - wrong types are the point
    body = {"amount_cents": amount_cents, "idempotency_key": key}
    return http.post("/service/v1/balance/add", json=body)


def test_same_key_is_charged_once_within_a_day(http: httpx.Client, emulator: Emulator) -> None:
    """The same charge, sent again, charges nothing. The key is forgotten right after 24 hours."""
    for seconds, cents in ((0, 2_000), (DAY - 60, 2_000), (DAY + 60, 4_000), (DAY + 120, 4_000)):
        emulator.set_clock(seconds)
        assert _add(http, 2_000).json()["credit_balance_cents"] == cents
        assert sum(charge["amount_cents"] for charge in emulator.state()["charges"]) == cents


def test_same_key_with_another_amount_is_refused(http: httpx.Client, emulator: Emulator) -> None:
    """One key with two amounts is a client's mistake, so nothing is charged."""
    _add(http, 2_000).raise_for_status()
    answer = _add(http, 3_000)
    assert answer.status_code == 409
    assert "idempotency_key" in answer.json()["detail"]
    assert len(emulator.state()["charges"]) == 1


def test_same_key_of_another_organization_is_another_charge(
    http: httpx.Client, emulator: Emulator
) -> None:
    """Each organization has its own idempotency keys."""
    other = emulator.add_org()
    _add(http, 2_000).raise_for_status()
    http.headers["Authorization"] = f"Bearer {other['access_token']}"
    assert _add(http, 2_000).json()["org_id"] == other["org_id"]
    assert len(emulator.state()["charges"]) == 1
    assert len(emulator.state(other["org_id"])["charges"]) == 1


@pytest.mark.parametrize("amount_cents", [0, -1, 10_001, 1.5, "2000", True, None, 10**30])
def test_bad_amount_is_refused(
    http: httpx.Client, emulator: Emulator, amount_cents: object
) -> None:
    """Amounts are whole cents from 1 to 10000; text and booleans aren't converted."""
    answer = _add(http, amount_cents)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "amount_cents"]
    assert emulator.state()["charges"] == []


@pytest.mark.parametrize("amount_cents", [1, 10_000, 2_000.0])
def test_amount_within_its_bounds_is_charged(http: httpx.Client, amount_cents: float) -> None:
    """Both bounds are allowed, and so is a whole number written as 2000.0."""
    assert _add(http, amount_cents).json()["credit_balance_cents"] == amount_cents


@pytest.mark.parametrize(("length", "status"), [(7, 422), (8, 200), (128, 200), (129, 422)])
def test_idempotency_key_length_is_enforced(http: httpx.Client, length: int, status: int) -> None:
    """Keys have 8 to 128 characters."""
    assert _add(http, 100, "k" * length).status_code == status


def test_invoiced_organization_has_no_balance_and_is_not_charged(
    http: httpx.Client, emulator: Emulator
) -> None:
    """An organization that pays by invoice has no balance to add to."""
    emulator.set_org(will_invoice=True, credit_balance_cents=900, pending_debit_balance_cents=100)
    balance = http.get("/service/v1/balance").json()
    assert balance["will_invoice"] is True
    assert balance["credit_balance_cents"] == balance["pending_debit_balance_cents"] == 0
    assert _add(http, 2_000).status_code == 400
    assert emulator.state()["charges"] == []


@pytest.mark.parametrize(
    ("change", "status"), [({"will_invoice": True}, 400), ({"has_payment_method": False}, 402)]
)
def test_repeated_charge_is_refused_when_nothing_can_be_charged(
    http: httpx.Client, emulator: Emulator, change: dict[str, Any], status: int
) -> None:
    """The idempotency key is judged last, so this refusal doesn't mean that nothing was charged.

    A refused charge doesn't use its key.
    """
    _add(http, 2_000).raise_for_status()
    emulator.set_org(**change)
    for key in ("first-charge", "second-charge"):
        assert _add(http, 2_000, key).status_code == status
    assert len(emulator.state()["charges"]) == 1
    emulator.set_org(will_invoice=False, has_payment_method=True)
    assert _add(http, 2_000, "second-charge").json()["credit_balance_cents"] == 4_000


def test_balance_may_be_a_fraction_of_a_cent(http: httpx.Client, emulator: Emulator) -> None:
    """Balances are JSON numbers, and needn't be whole."""
    emulator.set_org(credit_balance_cents=12.5, pending_debit_balance_cents=0.25)
    balance = http.get("/service/v1/balance").json()
    assert (balance["credit_balance_cents"], balance["pending_debit_balance_cents"]) == (12.5, 0.25)
