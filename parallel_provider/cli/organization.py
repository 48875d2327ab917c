"""The commands about an organization: `apps` and `balance`."""

from __future__ import annotations

import click

from parallel_provider.cli import examples, org_option
from parallel_provider.cli.output import print_facts, print_json, print_table, warn
from parallel_provider.credentials.sources import choose_source
from parallel_provider.model import plain
from parallel_provider.session import open_api
from parallel_provider.settings import Settings


@click.command(
    epilog=examples(
        "parallel-provider apps",
        "parallel-provider apps --json | jq -r '.[].app_id'",
    ),
    short_help="List the organization's apps.",
)
@org_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def apps(*, org_id: str | None, as_json: bool) -> None:
    """List the organization's apps."""
    settings = Settings.of_environment(org_id)
    with open_api(settings, choose_source(settings)) as api:
        found = api.list_apps()
    if not found.is_complete:
        warn("the list may lack apps, as the answer isn't as the Account API documents it.")
    if as_json:
        print_json(plain(found))
        return
    rows = [(app.app_name, app.app_id, app.org_name) for app in found]
    print_table(("NAME", "ID", "ORGANIZATION"), rows)


@click.command(
    epilog=examples(
        "parallel-provider balance",
        "parallel-provider balance --json | jq .credit_balance_cents",
    ),
    short_help="Show the prepaid balance.",
)
@org_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON; amounts are whole US cents.")
def balance(*, org_id: str | None, as_json: bool) -> None:
    """Show the organization's prepaid balance."""
    settings = Settings.of_environment(org_id)
    with open_api(settings, choose_source(settings)) as api:
        found = api.get_balance()
    if as_json:
        print_json(
            {
                "org_id": found.org_id,
                "credit_balance_cents": round(found.credit_balance_cents),
                "pending_debit_balance_cents": round(found.pending_debit_balance_cents),
                "will_invoice": found.will_invoice,
            }
        )
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
