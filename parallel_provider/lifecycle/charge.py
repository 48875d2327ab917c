"""Charge the card once for one reason, however often it is asked. POST /service/v1/balance/add."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from parallel_provider.api import ApiError, Balance
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.errors import LifecycleError, UnknownChargeError
from parallel_provider.lifecycle.resource import canonical_json
from parallel_provider.lifecycle.run import Run

# The server remembers an idempotency key for at least this long.
IDEMPOTENCY_PERIOD = timedelta(hours=24)

MIN_AMOUNT_CENTS = 1
MAX_AMOUNT_CENTS = 10_000


def idempotency_key(
    identity: Sequence[str], charges: int, amount_cents: int, triggers: object
) -> str:
    """Return the key of one charge: the same for the same reason, another for another one.

    `identity` names the resource (organization, project, stack, resource name), `charges` counts
    what it has charged so far.
    """
    reason = canonical_json([*identity, charges, amount_cents, triggers])
    return "pulumi-" + hashlib.sha256(reason.encode()).hexdigest()


def why_not_allowed(amount_cents: int, max_top_up_cents: int | None) -> str | None:
    """Return why the settings forbid a charge of this amount; None if they allow it."""
    if max_top_up_cents is None:
        return (
            "would charge the organization's card, which is switched off: allow it with `pulumi "
            f"config set parallel:maxTopUpCents {amount_cents}` (or PARALLEL_MAX_TOP_UP_CENTS), "
            "the most that one charge may be"
        )
    if amount_cents > max_top_up_cents:
        return (
            f"is more than one charge may be: parallel:maxTopUpCents allows {max_top_up_cents}, "
            f"and this is {amount_cents}"
        )
    return None


def why_invoiced(balance: Balance) -> str | None:
    """Return why this organization has no balance to top up; None if it has one."""
    if not balance.will_invoice:
        return None
    return (
        f"can't be charged: organization {balance.org_id} pays by invoice and has no prepaid "
        "balance to top up. Remove this resource"
    )


def charge(run: Run, amount_cents: int, key: str) -> tuple[Balance, Balance]:
    """Charge `amount_cents` under `key`; return the balances before and after.

    Raises UnknownChargeError when the outcome isn't known. Warns when the balance didn't rise.
    """
    before = run.api.get_balance()
    refusal = why_not_allowed(amount_cents, run.guards.max_top_up_cents) or why_invoiced(before)
    if refusal is not None:
        raise LifecycleError(f"amount_cents {refusal}")
    try:
        after = run.api.add_balance(amount_cents, key)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        raise UnknownChargeError(_unknown_outcome(run, error, before, amount_cents, key)) from None
    if after.credit_balance_cents <= before.credit_balance_cents:
        run.messages.warn(
            f"The balance didn't rise with a charge of {amount_cents} cents (before: "
            f"{before.credit_balance_cents:g}, after: {after.credit_balance_cents:g}). The server "
            f"had probably charged under the idempotency key {key} before: in a run that ended "
            "without an answer, before this resource was destroyed, or from another checkout of "
            "the same stack. To charge again, change `triggers`."
        )
    return before, after


def _unknown_outcome(
    run: Run, error: ApiError, before: Balance, amount_cents: int, key: str
) -> str:
    now = datetime.fromtimestamp(run.clock(), tz=timezone.utc)
    until = (now + IDEMPOTENCY_PERIOD).strftime("%Y-%m-%d %H:%M UTC")
    try:
        balance_now = f"{run.api.get_balance().credit_balance_cents:g} cents"
    except ParallelError:
        balance_now = "not known, as it can't be read either"
    return (
        f"it isn't known whether {amount_cents} cents were charged: {error}. The balance was "
        f"{before.credit_balance_cents:g} cents before, and is {balance_now} now. Until {until} "
        f"running again is safe: it repeats the same charge under the idempotency key {key}, which "
        "the server carries out once. After that, look at the balance before you run again"
    )
