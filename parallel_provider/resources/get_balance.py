"""get_balance: the organization's prepaid balance."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from parallel_provider.resources._data_source import ask_output, fields_of, invoke


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
    answer = invoke("getBalance", "reading the balance", {})
    return GetBalanceResult(**fields_of(GetBalanceResult, answer))


def get_balance_output() -> pulumi.Output[GetBalanceResult]:
    """Read the organization's prepaid balance, as an output. API: GET /service/v1/balance."""
    return ask_output({}, get_balance)
