"""`parallel-provider charges`: the journal of the charges that this machine has made."""

from __future__ import annotations

import click

from parallel_provider.cli import Group, examples
from parallel_provider.cli.output import print_json, print_table, say
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.charge_journal import ChargeJournal, JournalEntry, charge_lock

_OUTCOMES = {"begun": "not known", "charged": "charged"}
_PREFIX = "pulumi-"
_SHORTEST_KEY = 8


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog=examples(
        "parallel-provider charges",
        "parallel-provider charges --json | jq '.[] | select(.outcome == \"begun\")'",
    ),
    short_help="List charges to the card, and settle unclear ones.",
)
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
        print_json([_in_whole_seconds(entry) for entry in entries])
        return
    print_table(
        ("BEGUN", "CENTS", "OUTCOME", "RESOURCE", "ORGANIZATION", "KEY"),
        [
            (
                entry.time_text,
                str(entry.amount_cents),
                _OUTCOMES[entry.outcome],
                entry.resource,
                entry.org_id,
                entry.key,
            )
            for entry in entries
        ],
    )


def _in_whole_seconds(entry: JournalEntry) -> dict[str, object]:
    begun_at = None if entry.begun_at is None else int(entry.begun_at)
    return {**entry.model_dump(), "begun_at": begun_at, "begun_here": int(entry.begun_here)}


@charges.command(
    epilog=examples(
        "parallel-provider charges settle pulumi-0123… --charged",
        "parallel-provider charges settle pulumi-0123… --not-charged --org ORG_ID",
    )
)
@click.argument("key")
@click.option(
    "--charged/--not-charged",
    "charged",
    default=None,
    help="Whether the charges in the Parallel console have it.",
)
@click.option(
    "--org",
    "org_id",
    metavar="ORG_ID",
    help="The organization, where several have a charge of this key.",
)
def settle(key: str, *, charged: bool | None, org_id: str | None) -> None:
    """Say whether the charge under KEY was made, if its outcome isn't known.

    KEY is the idempotency key, or its beginning. Look at the charges in the Parallel console first:
    the balance alone doesn't tell. With --charged, a run that still asks for this charge counts it
    and charges nothing for it. With --not-charged, such a run makes it. Other charges of the
    organization are made again after either.
    """
    if charged is None:
        raise click.UsageError("say --charged or --not-charged")
    journal = ChargeJournal()
    org_id = _unknown_charge(journal, key, org_id).org_id
    with charge_lock(org_id, wait_seconds=0.0) as failure:
        if isinstance(failure, TimeoutError):
            raise ParallelError(
                f"another process is charging organization {org_id}, and its charge may be this "
                "one: end that process if it hangs, or wait until it has ended, then try again"
            )
        entry = _unknown_charge(journal, key, org_id)
        which = f"{entry.amount_cents} cents for {entry.resource} (key {entry.key})"
        if charged:
            journal.write(entry.model_copy(update={"outcome": "charged"}))
            say(
                f"Noted as charged: {which}. A run that still asks for this charge counts it, and "
                "charges nothing for it."
            )
        else:
            journal.forget(entry)
            say(f"Noted as not charged: {which}. A run that still asks for this charge makes it.")


def _unknown_charge(journal: ChargeJournal, key: str, org_id: str | None) -> JournalEntry:
    start = _PREFIX + key.removeprefix(_PREFIX)
    if len(start) < len(_PREFIX) + _SHORTEST_KEY:
        raise click.UsageError(f"give at least {_SHORTEST_KEY} characters of the key")
    found = [
        entry
        for entry in journal.entries()
        if entry.key.startswith(start) and org_id in (None, entry.org_id)
    ]
    if not found:
        raise ParallelError(
            "this machine knows no such charge: see `parallel-provider charges` for those it knows"
        )
    if len(found) > 1:
        organizations = ", ".join(sorted({entry.org_id for entry in found}))
        raise ParallelError(
            f"{len(found)} charges begin so, of organization {organizations}: give more of the "
            "key, or name one organization with --org"
        )
    [entry] = found
    if entry.outcome == "charged":
        raise ParallelError(
            f"the charge of {entry.amount_cents} cents under {entry.key} is known to be made, so "
            "there is nothing to settle: to charge once more, change `triggers` of the top-up"
        )
    return entry
