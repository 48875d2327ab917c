"""`parallel-provider charges`: the journal of the charges that this machine has made."""

from __future__ import annotations

import dataclasses

import click

from parallel_provider.cli.output import print_json, print_table, say
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.charge_journal import ChargeJournal, JournalEntry

_EXAMPLES = """
\b
Examples:
  parallel-provider charges
  parallel-provider charges --json | jq '.[] | select(.outcome == "begun")'
  parallel-provider charges settle pulumi-0123… --charged
"""

_OUTCOMES = {
    "begun": "not known",
    "charged": "charged",
    "settled": "charged, as you said",
    "destroyed": "charged, resource destroyed",
}


@click.group(invoke_without_command=True, epilog=_EXAMPLES)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON; amounts are US cents, times epoch seconds."
)
@click.pass_context
def charges(context: click.Context, *, as_json: bool) -> None:
    """List the charges that top-ups have begun on this machine, oldest first.

    Nothing is asked of the server. `settle` says what became of a charge whose outcome isn't known.
    """
    if context.invoked_subcommand is not None:
        return
    entries = ChargeJournal().entries()
    if as_json:
        print_json([dataclasses.asdict(entry) for entry in entries])
        return
    print_table(
        ("BEGUN", "CENTS", "OUTCOME", "RESOURCE", "ORGANIZATION", "KEY"),
        [
            (
                entry.began,
                str(entry.amount_cents),
                _OUTCOMES[entry.outcome],
                entry.resource,
                entry.org_id,
                entry.key,
            )
            for entry in entries
        ],
    )


@charges.command()
@click.argument("key")
@click.option(
    "--charged/--not-charged",
    "charged",
    default=None,
    help="Whether the charges in the Parallel console have it.",
)
@click.option("--org-id", help="The organization, where several have a charge of this key.")
def settle(key: str, *, charged: bool | None, org_id: str | None) -> None:
    """Say whether the charge under KEY was made.

    Look at the charges in the Parallel console first: the balance alone doesn't tell. With
    --charged, the next run counts the charge and charges nothing for it. With --not-charged, the
    next run that still wants it charges.
    """
    if charged is None:
        raise click.UsageError("say --charged or --not-charged")
    journal = ChargeJournal()
    entry = _entry(journal, key, org_id)
    if charged:
        journal.write(dataclasses.replace(entry, outcome="settled"))
        say(f"The next run counts the {entry.amount_cents} cents and charges nothing for them.")
    else:
        journal.forget(entry)
        say(f"The next run that wants the {entry.amount_cents} cents charges them.")


def _entry(journal: ChargeJournal, key: str, org_id: str | None) -> JournalEntry:
    found = [e for e in journal.entries() if e.key == key and org_id in (None, e.org_id)]
    if not found:
        raise ParallelError(
            "this machine knows no such charge: see `parallel-provider charges` for those it knows"
        )
    if len(found) > 1:
        organizations = ", ".join(sorted(entry.org_id for entry in found))
        raise ParallelError(f"several organizations have this charge: name one of {organizations}")
    return found[0]
