"""Charge the card once for one reason, however often it is tried. POST /service/v1/balance/add."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from parallel_provider.api import ApiError, Balance, WrongOrganizationError
from parallel_provider.errors import LifecycleError, ParallelError, UserFolderError
from parallel_provider.lifecycle.charge_journal import (
    JournalEntry,
    open_charge,
    open_charge_sentence,
    why_not_made,
)
from parallel_provider.lifecycle.declarations import canonical_json
from parallel_provider.lifecycle.machine_lock import machine_lock
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.printable import field_name

_WITHOUT_NOTES = (
    "So nothing else on this machine waits for this charge, or knows of it if its outcome isn't "
    "known: should this run be killed, look for the key that it prints in the Parallel console "
    "before you run again, unless you do so within 23 hours."
)


class Identity(NamedTuple):
    """The names that a top-up was created under. They are a part of its idempotency keys.

    `parent_types` are the types of its parents, as in its URN.
    """

    organization: str
    project: str
    stack: str
    name: str
    parent_types: str

    def __str__(self) -> str:
        place = f" in {self.parent_types}" if self.parent_types else ""
        return "/".join((self.organization, self.project, self.stack, self.name)) + place

    @property
    def digest(self) -> str:
        """Return a text that no other identity has."""
        return hashlib.sha256(canonical_json(self._asdict()).encode()).hexdigest()


@dataclass(frozen=True)
class Charge:
    """A charge to make, for the top-up of this identity."""

    amount_cents: int
    key: str
    org_id: str
    identity: Identity


def idempotency_key(identity: Identity, charges: int, amount_cents: int, triggers: object) -> str:
    """Return the idempotency key of one charge. The same reason gives the same key.

    `charges` is the number of the top-up's charges so far. Raises TypeError if something isn't
    known yet.
    """
    reason = {"charges": charges, "amount_cents": amount_cents, "triggers": triggers}
    text = canonical_json({"top_up": identity._asdict(), **reason})
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
            "is more than one charge may be: the lowest limit that is set (parallel:maxTopUpCents, "
            "PARALLEL_MAX_TOP_UP_CENTS, or the explicit provider's) allows "
            f"{max_top_up_cents}, and this is {amount_cents}"
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
def one_charge_at_a_time(
    context: Context, amount_cents: int, org_id: str, *, lock_required: bool
) -> Iterator[Balance]:
    """Hold a lock, so that nothing else of this user charges this organization meanwhile.

    Yields the balance now, if the organization can be charged so much. Do what depends on it, and
    the charge, in the block. It waits as long as one call may take. Without a lock it raises
    LifecycleError; only if the user has no place for one and it isn't required, it goes on.
    """
    run = context.run
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(
                machine_lock(
                    "charge",
                    org_id,
                    wait_seconds=run.api.call_seconds,
                    required=True,
                    cancellation=run.cancellation,
                )
            )
        except TimeoutError:
            raise LifecycleError(_why_not_alone(run, org_id)) from None
        except UserFolderError as error:
            if lock_required:
                raise LifecycleError(
                    "nothing is charged by threshold, as another run of this user could charge "
                    f"organization {org_id} at the same time: {error}"
                ) from None
            context.warn(f"{error}. {_WITHOUT_NOTES}", once=True)
        balance = run.api.get_balance()
        _require_chargeable(run, amount_cents, org_id, balance)
        yield balance


def _why_not_alone(run: Run, org_id: str) -> str:
    """Return why nothing is charged while the lock can't be had."""
    if run.cancellation.is_cancelled:
        return (
            "the run was cancelled while another process of this user was charging organization "
            f"{org_id}, so nothing is charged: run again"
        )
    return (
        f"another charge of this user for organization {org_id} hasn't ended after "
        f"{run.api.call_seconds:g} seconds (parallel:timeoutSeconds), so nothing is charged: end "
        "its process if it hangs, or wait until it has ended, then run again"
    )


def why_not_now(context: Context, org_id: str, key: str) -> str | None:
    """Return why no charge under this key will be made as the journal is now, or None."""
    blocking = _blocking_charge(context.run, org_id, key)
    if blocking is None:
        return None
    # Perhaps it is just being made, by another resource of this run or another process. If that
    # takes too long, its outcome isn't known either.
    with machine_lock(
        "charge",
        org_id,
        wait_seconds=context.run.api.call_seconds,
        cancellation=context.run.cancellation,
    ):
        blocking = _blocking_charge(context.run, org_id, key)
    return None if blocking is None else why_not_made(blocking)


def _blocking_charge(run: Run, org_id: str, key: str) -> JournalEntry | None:
    """Return a charge of unknown outcome because of which nothing is charged under this key."""
    found = open_charge(run.charge_journal.entries(org_id), key)
    if found is None or found.key != key:
        return found
    # The server's time is needed only to compare it with that of an entry.
    return None if found.may_be_repeated(run.server_time(), run.clock()) else found


def with_open_charge(run: Run, org_id: str, refusal: str) -> str:
    """Return why nothing is charged, and what is known of a charge whose outcome isn't known."""
    unknown = open_charge(run.charge_journal.entries(org_id))
    if unknown is None:
        return refusal
    return (
        f"{refusal}. And {open_charge_sentence(unknown)}: look at the charges in the Parallel "
        "console"
    )


def _require_chargeable(run: Run, amount_cents: int, org_id: str, balance: Balance) -> None:
    """Raise an error if the settings or the organization allow no charge of this amount."""
    refusal = why_not_allowed(amount_cents, run.guards.max_top_up_cents) or why_invoiced(balance)
    if refusal is not None:
        raise LifecycleError(
            f"{field_name('amount_cents')} {with_open_charge(run, org_id, refusal)}"
        )
    cents_of(balance)
    if balance.org_id != org_id:
        raise WrongOrganizationError(
            f"it belongs to organization {org_id!r}, and the access token to "
            f"{balance.org_id!r}, whose card it won't charge: use a token of the right "
            "organization, or declare a top-up of another name for this one"
        )


def charge(context: Context, wanted: Charge, before: Balance, month: str) -> Balance:
    """Make a charge, and return the balance after it. `before` is the balance now.

    Call it within `one_charge_at_a_time`. `month` is the one that it counts for. Raises
    LifecycleError if the outcome isn't known.
    """
    run = context.run
    blocking = _blocking_charge(run, wanted.org_id, wanted.key)
    if blocking is not None:
        raise LifecycleError(f"the charge {why_not_made(blocking)}")
    repeated = run.charge_journal.find(wanted.org_id, wanted.key)
    entry = repeated or JournalEntry(
        key=wanted.key,
        org_id=wanted.org_id,
        amount_cents=wanted.amount_cents,
        resource=str(wanted.identity),
        identity=wanted.identity.digest,
        month=month,
        begun_at=run.server_time(),
        begun_here=run.clock(),
        outcome="begun",
    )
    context.info(
        f"Charging {wanted.amount_cents} cents to the card of organization {wanted.org_id} under "
        f"the idempotency key {wanted.key} (for {wanted.identity})."
    )
    kept = repeated is not None or _keep(context, entry)
    after = _send(run, entry, before, kept=kept, is_new=repeated is None)
    if kept:
        _keep(context, replace(entry, outcome="charged"))
    _tell(context, wanted, before, after)
    return after


def _send(run: Run, entry: JournalEntry, before: Balance, *, kept: bool, is_new: bool) -> Balance:
    try:
        after = run.api.add_balance(entry.amount_cents, entry.key)
    except ParallelError as error:
        if isinstance(error, ApiError) and error.may_have_worked:
            reason = str(error)
            raise LifecycleError(_unknown_outcome(run, reason, before, entry, kept)) from None
        # This run has charged nothing. Whether an earlier one has charged is unknown as before.
        if not is_new:
            raise LifecycleError(
                f"{error}. And {open_charge_sentence(entry)}. {entry.advice}"
            ) from None
        with contextlib.suppress(UserFolderError):
            run.charge_journal.forget(entry)
        raise
    try:
        cents_of(after)
    except LifecycleError:
        reason = "the balance in the answer isn't a number"
        raise LifecycleError(_unknown_outcome(run, reason, before, entry, kept)) from None
    return after


def _keep(context: Context, entry: JournalEntry) -> bool:
    """Write an entry to the journal, and return whether that worked.

    A charge goes on without it. A container without a place for files is gone by the next run
    anyway, and its files would be gone as well.
    """
    try:
        context.run.charge_journal.write(entry)
    except UserFolderError as error:
        context.warn(f"{error}. {_WITHOUT_NOTES}", once=True)
        return False
    return True


def _tell(context: Context, wanted: Charge, before: Balance, after: Balance) -> None:
    """Tell the user what was charged, or why that isn't certain."""
    if cents_of(after) > cents_of(before):
        context.info(f"Charged {wanted.amount_cents} cents (key {wanted.key}).")
        return
    context.warn(
        f"The {wanted.amount_cents} cents under the idempotency key {wanted.key} are counted as "
        "charged, but the balance didn't rise (before: "
        f"{before.credit_balance_cents:g}, after: {after.credit_balance_cents:g}). Either as much "
        "was used meanwhile, or the server had charged under this key before: in a run that ended "
        "without an answer, before this resource was destroyed, or from another checkout of the "
        "same stack. The balance alone doesn't tell which: look at the charges in the Parallel "
        "console."
    )


def _unknown_outcome(
    run: Run, reason: str, before: Balance, entry: JournalEntry, kept: bool
) -> str:
    try:
        balance_now = f"{run.api.get_balance().credit_balance_cents:g} cents"
    except ParallelError:
        balance_now = "not known, as it can't be read either"
    advice = (
        entry.advice
        if kept
        else (
            "Nothing on this machine tells the next run of it: before you run again, look at the "
            "charges in the Parallel console (the balance alone proves nothing). The key is "
            f"{entry.key}"
        )
    )
    return (
        f"it isn't known whether {entry.amount_cents} cents were charged: {reason}. The balance "
        f"was {before.credit_balance_cents:g} cents before, and is {balance_now} now. {advice}"
    )
