"""`parallel-provider balance`."""

from __future__ import annotations

import click

from parallel_provider.cli.account import open_account
from parallel_provider.cli.output import print_facts, print_json
from parallel_provider.model import plain

_EXAMPLES = """
\b
Examples:
  parallel-provider balance
  parallel-provider balance --json | jq .credit_balance_cents
"""


@click.command(epilog=_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are US cents.")
def balance(*, as_json: bool) -> None:
    """Show the organization's prepaid balance."""
    with open_account() as api:
        found = api.get_balance()
    if as_json:
        print_json(plain(found))
        return
    facts = [("Organization", found.org_id)]
    if found.will_invoice:
        facts.append(("Balance", "none: billed by invoice"))
    else:
        facts.append(("Balance", _dollars(found.credit_balance_cents)))
        facts.append(("Pending", _dollars(found.pending_debit_balance_cents)))
    print_facts(facts)


def _dollars(cents: float) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) / 100:,.2f}"
