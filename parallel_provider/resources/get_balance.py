"""get_balance: the organization's prepaid balance."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from parallel_provider.resources._data_source import ask, ask_output, fields_of, mocked


@dataclass(frozen=True)
class GetBalanceResult:
    """The prepaid balance, in US cents; both amounts are 0 where `will_invoice`."""

    org_id: str
    credit_balance_cents: float
    pending_debit_balance_cents: float
    will_invoice: bool


def get_balance() -> GetBalanceResult:
    """Read the organization's prepaid balance.

    API: GET /service/v1/balance. Raises pulumi.RunError.
    """
    answer = mocked("getBalance", {})
    if answer is not None:
        return GetBalanceResult(**fields_of(GetBalanceResult, answer))
    balance = ask("reading the balance", lambda run: run.api.get_balance())
    return GetBalanceResult(
        org_id=balance.org_id,
        credit_balance_cents=balance.credit_balance_cents,
        pending_debit_balance_cents=balance.pending_debit_balance_cents,
        will_invoice=balance.will_invoice,
    )


def get_balance_output() -> pulumi.Output[GetBalanceResult]:
    """Read the organization's prepaid balance, as an output. API: GET /service/v1/balance."""
    return ask_output({}, get_balance)
