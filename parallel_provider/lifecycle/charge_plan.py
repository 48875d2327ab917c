"""The charge that a run will make: announce it, or refuse it, before anything is charged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from parallel_provider.lifecycle.balance_top_up_state import new_identity
from parallel_provider.lifecycle.charge import Charge, idempotency_key, why_invoiced
from parallel_provider.lifecycle.charge_journal import earlier_charge_sentence, why_not_repeated
from parallel_provider.lifecycle.charge_registry import TopUpName
from parallel_provider.lifecycle.declarations import Props
from parallel_provider.lifecycle.run import Context, Run


def month_of(epoch_seconds: float) -> str:
    """Return the UTC calendar month of a time, such as "2026-11"."""
    return datetime.fromtimestamp(epoch_seconds, tz=timezone.utc).strftime("%Y-%m")


def month_now(known_month: str, server_time: float | None) -> str | None:
    """Return the month that a charge counts for. It is never before `known_month`, the state's.

    None if the server's time isn't known, as this machine's clock may be wrong.
    """
    return None if server_time is None else max(known_month, month_of(server_time))


def wanted_charge(
    identity: Sequence[str],
    charges: int,
    amount_cents: int,
    triggers: object,
    *,
    salt: str | None,
    org_id: str,
) -> Charge | None:
    """Return the charge for one reason; None if a part of the reason isn't known yet."""
    try:
        key = idempotency_key(identity, charges, amount_cents, triggers, salt)
    except TypeError:
        return None
    return Charge(amount_cents, key, org_id, "/".join(identity))


def first_charge(context: Context, inputs: Props, org_id: str) -> Charge | None:
    """Return the first charge of a new top-up; None if it isn't known yet."""
    amount = inputs.get("amount_cents")
    if not isinstance(amount, int):
        return None
    identity, triggers = new_identity(context.resource), inputs.get("triggers")
    return wanted_charge(identity, 0, amount, triggers, salt=None, org_id=org_id)


def why_no_prepaid_balance(context: Context, inputs: Props, *, is_new: bool) -> str | None:
    """Return why the organization's balance can't be topped up, or None.

    For a new top-up, the text also names a charge of an earlier run whose outcome isn't known.
    """
    run = context.run
    balance = run.balance.get()
    refusal = why_invoiced(balance)
    if refusal is None:
        return None
    wanted = first_charge(context, inputs, balance.org_id) if is_new else None
    earlier = run.charge_journal.find(wanted.org_id, wanted.key) if wanted is not None else None
    unknown_before = earlier_charge_sentence(earlier)
    return refusal if unknown_before is None else f"{refusal}. {unknown_before}"


def why_name_is_taken(other: TopUpName) -> str:
    """Return why a new top-up can't have the name that another one has in its keys."""
    return (
        f"was that of the top-up {other} when it was created, and one charge would be counted for "
        "both: choose another name for the new one"
    )


def why_not_ours(run: Run, name: TopUpName, key: str) -> str | None:
    """Return why this top-up can't charge under a key in this run; None if it can."""
    other = run.charge_registry.note_key(key, name)
    if other is None:
        return None
    return (
        f"can't be charged: the top-up {other} charges in this run under the same idempotency key "
        f"({key}), so that one charge would be counted twice. Change `triggers` of one of them, or "
        "declare it under another name"
    )


def why_not_planned(run: Run, name: TopUpName, wanted: Charge) -> str | None:
    """Return why a charge will be refused, or None. Changes nothing."""
    refusal = why_not_ours(run, name, wanted.key)
    if refusal is not None:
        return refusal
    entry = run.charge_journal.find(wanted.org_id, wanted.key)
    # The server's time is needed only to compare it with that of an entry.
    return None if entry is None else why_not_repeated(entry, run.server_time())


def is_settled(run: Run, wanted: Charge) -> bool:
    """Return whether the user has said that this charge was made, though no state has it."""
    entry = run.charge_journal.find(wanted.org_id, wanted.key)
    return entry is not None and entry.outcome == "settled"


def announce(context: Context, amount: object, wanted: Charge | None, condition: str = "") -> None:
    """Tell, once in a run, what `pulumi up` will charge. The text is right in a preview too."""
    name = TopUpName(context.resource.parent_types, context.resource.name)
    if wanted is not None and is_settled(context.run, wanted):
        text = (
            f"{name}: `pulumi up` will count {wanted.amount_cents} cents as charged (key "
            f"{wanted.key}), as was said with `parallel-provider charges settle`, and charge "
            "nothing for them."
        )
    else:
        cents = f"{amount:g}" if isinstance(amount, int | float) else "a still unknown number of"
        key = f" under the idempotency key {wanted.key}" if wanted is not None else ""
        text = f"{name}: `pulumi up` will charge {cents} cents to the card{key}{condition}."
    context.info(text, once=True)
