"""Charge the card once for one reason, however often it is tried. POST /service/v1/balance/add."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from parallel_provider.api import ApiError, Balance
from parallel_provider.errors import (
    JournalError,
    LifecycleError,
    ParallelError,
    UnknownChargeError,
    WrongOrganizationError,
)
from parallel_provider.lifecycle.charge_journal import (
    REPEAT_PERIOD,
    JournalEntry,
    earlier_charge_sentence,
    moment,
    why_not_repeated,
)
from parallel_provider.lifecycle.declarations import canonical_json
from parallel_provider.lifecycle.machine_lock import machine_lock
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.printable import field_name

# A process holds the lock for a few calls, each of which ends after parallel:timeoutSeconds.
_WAIT_SECONDS = 600.0


@dataclass(frozen=True)
class Charge:
    """A charge to make. `resource` is the name of its resource in the journal."""

    amount_cents: int
    key: str
    org_id: str
    resource: str


def idempotency_key(
    identity: Sequence[str],
    charges: int,
    amount_cents: int,
    triggers: object,
    salt: str | None = None,
) -> str:
    """Return the idempotency key of one charge. The same reason gives the same key.

    `identity` has the names of the resource (organization, project, stack, resource name, and the
    types of its parents). `charges` is the number of its charges so far. `salt` is a random text in
    the state, there from the first charge on: no other resource has it, and with it, nobody can
    find the value of `triggers` by trying. Raises TypeError if something isn't known yet.
    """
    reason = [*identity, charges, amount_cents, triggers]
    text = canonical_json(reason if salt is None else [*reason, salt])
    return "pulumi-" + hashlib.sha256(text.encode()).hexdigest()


def why_not_allowed(amount_cents: int, max_top_up_cents: int | None) -> str | None:
    """Return why the settings don't allow a charge of this amount, or None."""
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
    """Return why this organization's balance can't be topped up, or None."""
    if not balance.will_invoice:
        return None
    return (
        f"can't be charged: organization {balance.org_id} pays by invoice and has no prepaid "
        "balance to top up. Remove this resource"
    )


def cents_of(balance: Balance) -> float:
    """Return the credit balance. Raises LifecycleError if it isn't a finite number."""
    cents: object = balance.credit_balance_cents
    if isinstance(cents, bool) or not isinstance(cents, int | float) or not math.isfinite(cents):
        raise LifecycleError(
            "the server's balance isn't a number, so nothing is charged: try again later"
        )
    return cents


@contextlib.contextmanager
def one_charge_at_a_time(run: Run, org_id: str) -> Iterator[None]:
    """Hold a lock, so that no other process of this user charges this organization meanwhile.

    Hold it from the read of the balance to the end of the charge. The next charge then sees it.
    """
    with contextlib.ExitStack() as held:
        held.enter_context(run.charge_registry.charging)
        try:
            held.enter_context(
                machine_lock(
                    "charge",
                    org_id,
                    wait_seconds=_WAIT_SECONDS,
                    required=True,
                    cancellation=run.cancellation,
                )
            )
        except TimeoutError:
            if run.cancellation.is_cancelled:
                raise LifecycleError(
                    "the run was cancelled while another process of this user was charging "
                    f"organization {org_id}, so nothing is charged: run again"
                ) from None
            raise LifecycleError(
                f"another process of this user has been charging organization {org_id} for "
                f"{_WAIT_SECONDS / 60:.0f} minutes, so nothing is charged: wait until it has "
                "ended, then run again"
            ) from None
        yield


def charge(context: Context, wanted: Charge, before: Balance) -> Balance:
    """Make a charge, and return the balance after it. `before` is the balance now.

    Call it within `one_charge_at_a_time`. Raises UnknownChargeError if the outcome isn't known. If
    the user has said that this charge was made, it sends no request. It warns if the server has
    probably made this charge before.
    """
    run = context.run
    earlier = run.charge_journal.find(wanted.org_id, wanted.key)
    refusal = why_not_allowed(wanted.amount_cents, run.guards.max_top_up_cents) or why_invoiced(
        before
    )
    if refusal is not None:
        unknown_before = earlier_charge_sentence(earlier)
        more = f". {unknown_before}" if unknown_before is not None else ""
        raise LifecycleError(f"{field_name('amount_cents')} {refusal}{more}")
    cents_of(before)
    if before.org_id != wanted.org_id:
        raise WrongOrganizationError(
            f"it belongs to organization {wanted.org_id!r}, and the access token to "
            f"{before.org_id!r}, whose card it won't charge: use a token of the right "
            "organization, or declare a top-up of another name for this one"
        )
    server_time = run.server_time()
    refusal = why_not_repeated(earlier, server_time)
    if refusal is not None:
        raise LifecycleError(f"the charge {refusal}")
    if earlier is not None and earlier.outcome == "settled":
        context.info(
            f"Nothing is charged: {wanted.amount_cents} cents were charged under the idempotency "
            f"key {wanted.key}, as was said with `parallel-provider charges settle`, and are "
            "counted now."
        )
        return before
    repeated = earlier if earlier is not None and earlier.may_be_repeated(server_time) else None
    entry = repeated or JournalEntry(
        wanted.key, wanted.org_id, wanted.amount_cents, wanted.resource, server_time, "begun"
    )
    context.info(
        f"Charging {wanted.amount_cents} cents to the card of organization {wanted.org_id} under "
        f"the idempotency key {wanted.key} (for {wanted.resource})."
    )
    kept = _keep(context, entry)
    after = _send(run, wanted, before, earlier, entry, kept=kept)
    if kept:
        _keep(context, replace(entry, outcome="charged"))
    _tell(context, wanted, before, after, repeated)
    return after


def _send(
    run: Run,
    wanted: Charge,
    before: Balance,
    earlier: JournalEntry | None,
    entry: JournalEntry,
    *,
    kept: bool,
) -> Balance:
    try:
        after = run.api.add_balance(wanted.amount_cents, wanted.key)
    except ParallelError as error:
        if isinstance(error, ApiError) and error.may_have_worked:
            unknown = _unknown_outcome(run, str(error), before, wanted, entry, kept=kept)
            raise UnknownChargeError(unknown) from None
        # This run has charged nothing. Whether an earlier one has charged is unknown as before.
        with contextlib.suppress(JournalError):
            if earlier is None:
                run.charge_journal.forget(entry)
            else:
                run.charge_journal.write(earlier)
        unknown_before = earlier_charge_sentence(earlier)
        if unknown_before is not None:
            raise UnknownChargeError(f"{error}. {unknown_before}") from None
        raise
    try:
        cents_of(after)
    except LifecycleError:
        reason = "the balance in the answer isn't a number"
        unknown = _unknown_outcome(run, reason, before, wanted, entry, kept=kept)
        raise UnknownChargeError(unknown) from None
    return after


def _keep(context: Context, entry: JournalEntry) -> bool:
    """Write an entry to the journal, and return whether that worked.

    A charge goes on without it. A container without a place for files is gone by the next run
    anyway, and its files would be gone as well.
    """
    try:
        context.run.charge_journal.write(entry)
    except JournalError as error:
        context.warn(
            f"{error}. Without it, nothing on this machine tells the next run of a charge whose "
            f"outcome isn't known: should this run be killed, look for the key {entry.key} before "
            "you run again, unless you do so within 23 hours."
        )
        return False
    return True


def _tell(
    context: Context, wanted: Charge, before: Balance, after: Balance, repeated: JournalEntry | None
) -> None:
    """Tell the user what was charged, or why that isn't certain."""
    if repeated is not None and repeated.outcome != "begun":
        context.warn(
            f"Nothing was charged now: the {wanted.amount_cents} cents under the idempotency key "
            f"{wanted.key} were charged {repeated.began}, by a run whose state isn't this one, or "
            "for a resource of this name that was destroyed or renamed. They are counted here. To "
            "charge once more, change `triggers`."
        )
    elif cents_of(after) <= cents_of(before):
        context.warn(
            f"The {wanted.amount_cents} cents under the idempotency key {wanted.key} are counted "
            "as charged, but the balance didn't rise (before: "
            f"{before.credit_balance_cents:g}, after: {after.credit_balance_cents:g}). Either as "
            "much was used meanwhile, or the server had charged under this key before: in a run "
            "that ended without an answer, before this resource was destroyed, or from another "
            "checkout of the same stack. The balance alone doesn't tell which: look at the charges "
            "in the Parallel console."
        )
    else:
        context.info(f"Charged {wanted.amount_cents} cents (key {wanted.key}).")


def _unknown_outcome(
    run: Run,
    reason: str,
    before: Balance,
    wanted: Charge,
    entry: JournalEntry,
    *,
    kept: bool,
) -> str:
    try:
        balance_now = f"{run.api.get_balance().credit_balance_cents:g} cents"
    except ParallelError:
        balance_now = "not known, as it can't be read either"
    console = "look at the charges in the Parallel console (the balance alone proves nothing)"
    settle = (
        f"it is refused until you {console} and run `parallel-provider charges settle {wanted.key}`"
        " with --charged or --not-charged"
        if kept
        else f"{console} before you run again"
    )
    if entry.begun_at is None:
        advice = f"Before you run again, {console}: the key is {wanted.key}"
    else:
        until = moment(entry.begun_at + REPEAT_PERIOD.total_seconds())
        advice = (
            f"Until {until} running again is safe: it repeats the same charge under the "
            f"idempotency key {wanted.key}, which the server carries out once. After that, {settle}"
        )
    return (
        f"it isn't known whether {wanted.amount_cents} cents were charged: {reason}. The balance "
        f"was {before.credit_balance_cents:g} cents before, and is {balance_now} now. {advice}"
    )
