"""`parallel-provider balance`."""

from __future__ import annotations

import json

from tests.cli.conftest import Run
from tests.credentials.sign_ins import SignIn


def test_balance_is_shown_in_dollars(run: Run, signed_in: SignIn) -> None:
    """People think in dollars."""
    signed_in.emulator.set_org(credit_balance_cents=123_456.5, pending_debit_balance_cents=7)
    result = run("balance")
    assert result.returncode == 0
    assert "$1,234.5" in result.stdout
    assert "$0.07" in result.stdout


def test_balance_as_json_has_the_apis_fields(run: Run, signed_in: SignIn) -> None:
    """Programs get what the API says, in whole cents."""
    signed_in.emulator.set_org(credit_balance_cents=2_000.2)
    printed = run("balance", "--json").stdout
    assert "." not in printed
    assert json.loads(printed) == {
        "org_id": signed_in.emulator.org_id,
        "credit_balance_cents": 2000,
        "pending_debit_balance_cents": 0,
        "will_invoice": False,
    }


def test_balance_of_an_organization_that_is_invoiced_is_none(run: Run, signed_in: SignIn) -> None:
    """Two zeros would look like an empty account."""
    signed_in.emulator.set_org(will_invoice=True)
    assert "billed by invoice" in run("balance").stdout
