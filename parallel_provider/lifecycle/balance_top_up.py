"""BalanceTopUp: prepaid balance, charged to the organization's card. /service/v1/balance."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from parallel_provider.api import ApiError, Balance, WrongOrganizationError
from parallel_provider.errors import (
    LifecycleError,
    ParallelError,
    UserFolderError,
)
from parallel_provider.lifecycle.charge_journal import (
    JournalEntry,
    charged_in_month,
    open_charge,
    open_charge_sentence,
    why_not_made,
)
from parallel_provider.lifecycle.declare import (
    UNKNOWN,
    ChargeCents,
    Checked,
    Inputs,
    Internal,
    JsonLike,
    OnChange,
    PositiveCents,
    Problem,
    Props,
    SecretOutput,
    State,
    canonical_json,
    changed_inputs,
    same,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle
from parallel_provider.lifecycle.run import Context, ResourceNames, Run
from parallel_provider.model import Integer, Number
from parallel_provider.printable import field_name
from parallel_provider.user_folder import machine_lock

# ----------------------------------------------------------------------
# Charge the card once for one reason, however often it is tried. POST /service/v1/balance/add.

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


_CLOCKS_AGREE = timedelta(days=1)
_NO_MONTH = (
    "the server's answers have no date, or one that differs by more than a day from this machine's "
    "clock, so the month that {} is for isn't known, and nothing is charged: "
    "correct the clock, or see what stands between you and the server"
).format(field_name("monthly_limit_cents"))

SET_BY_A_CHARGE = (
    "charges",
    "last_charge_cents",
    "last_charged_at",
    "total_charged_cents",
    "month",
    "month_charged_cents",
    "balance_before_cents",
    "balance_after_cents",
    "last_idempotency_key",
)
"""The outputs that a charge changes."""


class BalanceTopUpInputs(Inputs):
    """What a program says about a top-up."""

    amount_cents: Annotated[
        ChargeCents, OnChange("charges once, unless `when_below_cents` is set")
    ] = Field(description="The amount of one charge, 1 to 10000 US cents.")
    when_below_cents: Annotated[PositiveCents | None, OnChange("takes effect in this run")] = Field(
        default=None, description="Each run charges if it finds the balance below this."
    )
    monthly_limit_cents: Annotated[PositiveCents | None, OnChange("takes effect in this run")] = (
        Field(
            default=None,
            description="The most to charge in a UTC calendar month. Required with "
            "`when_below_cents`.",
        )
    )
    triggers: Annotated[JsonLike, OnChange("charges once, unless `when_below_cents` is set")] = (
        Field(default=None, description="Any JSON-like value.")
    )

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """Yield the problems of the monthly limit, which belongs to a threshold."""
        amount, limit = valid.get("amount_cents"), valid.get("monthly_limit_cents")
        threshold = field_name("when_below_cents")
        by_threshold, has_limit = "when_below_cents" in given, "monthly_limit_cents" in given
        if by_threshold and not has_limit:
            yield Problem("monthly_limit_cents", f"is required together with {threshold}")
        if has_limit and not by_threshold:
            yield Problem("monthly_limit_cents", f"is only for use together with {threshold}")
        if isinstance(amount, int) and isinstance(limit, int) and limit < amount:
            yield Problem("monthly_limit_cents", f"is less than one charge of {amount} cents")


class BalanceTopUpState(State):
    """The outputs of a top-up: its inputs, and what it has charged so far.

    `organization` to `parent_types` are the names at creation, since a rename must not change the
    idempotency key. Times are epoch seconds.
    """

    amount_cents: Integer = Field(description="The amount of one charge, in US cents.")
    when_below_cents: Integer | None = Field(
        default=None, description="The balance, in cents, below which it charges."
    )
    monthly_limit_cents: Integer | None = Field(
        default=None, description="The most that it charges in a UTC calendar month, in cents."
    )
    triggers: Any = Field(default=None, description="The value of the input `triggers`.")
    organization: Annotated[str, Internal()] = Field(
        description="Pulumi's organization at creation."
    )
    project: Annotated[str, Internal()] = Field(description="The Pulumi project at creation.")
    stack: Annotated[str, Internal()] = Field(description="The Pulumi stack at creation.")
    resource_name: Annotated[str, Internal()] = Field(description="The name at creation.")
    parent_types: Annotated[str | None, Internal()] = Field(
        default=None, description="The types of its parents at creation, as in the URN."
    )
    org_id: str = Field(description="The organization whose balance it tops up.")
    charges: Integer = Field(default=0, description="The number of charges so far.")
    last_charge_cents: Integer | None = Field(
        default=None, description="The last charge, in cents."
    )
    last_charged_at: Integer | None = Field(
        default=None, description="The time of the last charge, in epoch seconds."
    )
    total_charged_cents: Integer = Field(default=0, description="All charges so far, in cents.")
    month: str = Field(
        description='The UTC calendar month of `month_charged_cents`, such as "2026-11".'
    )
    month_charged_cents: Integer = Field(
        default=0, description="The charges in that month in cents."
    )
    balance_before_cents: Number | None = Field(
        default=None, description="The balance before the last charge, in cents."
    )
    balance_after_cents: Number | None = Field(
        default=None, description="The balance after the last charge, in cents."
    )
    last_idempotency_key: Annotated[str | None, SecretOutput()] = Field(
        default=None,
        description="The idempotency key of the last charge. `triggers` is a part of it.",
    )

    @property
    def identity(self) -> Identity:
        """The names that are a part of every idempotency key."""
        return Identity(
            self.organization,
            self.project,
            self.stack,
            self.resource_name,
            self.parent_types or "",
        )

    @property
    def resource_id(self) -> str:
        """The names that it was created under."""
        return "/".join((self.organization, self.project, self.stack, self.resource_name))

    def with_charge(
        self, *, key: str, cents: int, at: float, month: str, before: float, after: float
    ) -> BalanceTopUpState:
        """Return the state after one more charge. A month that is over isn't counted again."""
        in_month = self.month_charged_cents if month <= self.month else 0
        return self.model_copy(
            update={
                "charges": self.charges + 1,
                "last_charge_cents": cents,
                "last_charged_at": int(at),
                "total_charged_cents": self.total_charged_cents + cents,
                "month": max(month, self.month),
                "month_charged_cents": in_month + (cents if month >= self.month else 0),
                "balance_before_cents": before,
                "balance_after_cents": after,
                "last_idempotency_key": key,
            }
        )


class BalanceTopUpLifecycle(Lifecycle[BalanceTopUpInputs, BalanceTopUpState]):
    """Spends real money: what isn't plainly allowed is refused before anything is charged."""

    kind: ClassVar[str] = "BalanceTopUp"
    created_marker: ClassVar[str] = "charges"
    inputs_type = BalanceTopUpInputs
    state_type = BalanceTopUpState

    def check(self, context: Context, olds: Props, news: Props) -> Checked:
        """Check the inputs and, if this may charge, what the settings and the balance allow."""
        checked = super().check(context, olds, news)
        amount = checked.inputs.get("amount_cents")
        amount_is_right = all(problem.input != "amount_cents" for problem in checked.problems)
        by_threshold = news.get("when_below_cents") is not None
        if not olds or by_threshold or _asks_for_charge(olds, news):
            if amount_is_right and isinstance(amount, int):
                _refuse(checked, why_not_allowed(amount, context.run.guards.max_top_up_cents))
            if not checked.problems:
                _refuse(checked, _why_no_prepaid_balance(context.run))
        if not olds and not checked.problems:
            _check_creation(context, checked)
        return checked

    def diff(self, context: Context, state: BalanceTopUpState, news: Props) -> Diff:
        """Compare inputs, and tell the user about a charge that is due. It is never replaced."""
        if context.run.claims.has_program:
            other = _claimed_by_another(context, state.identity)
            if other is not None:
                raise LifecycleError(
                    f"{other} has the name that this one was created under, "
                    f"{state.resource_name!r}, and one charge would be counted for both: declare "
                    "the newer one of the two under another name"
                )
        updates = set(changed_inputs(self.inputs_type, state, news))
        by_threshold = news.get("when_below_cents") is not None
        if by_threshold or _asks_for_charge(dict(state), news):
            is_due, refusal = _plan(context, state, news)
            if refusal is not None and not by_threshold:
                raise LifecycleError(f"the next charge {refusal}")
            if refusal is not None:
                # A refresh asks for a diff too, and charges nothing. The update raises.
                context.warn(f"{_name_of(context.resource)}: the next charge {refusal}.")
            if is_due and by_threshold:
                updates.add("when_below_cents")
        return Diff(updates=tuple(sorted(updates)))

    def expect_update(
        self, context: Context, state: BalanceTopUpState, inputs: Props
    ) -> dict[str, Any]:
        """Return the outputs after an update. What a charge changes isn't known before it."""
        expected = super().expect_update(context, state, inputs)
        if inputs.get("when_below_cents") is None and not _asks_for_charge(dict(state), inputs):
            return expected
        return {**expected, **dict.fromkeys(SET_BY_A_CHARGE, UNKNOWN)}

    def create(self, context: Context, inputs: BalanceTopUpInputs) -> BalanceTopUpState:
        """Charge for the first time; with a threshold, only if the balance is low."""
        run = context.run
        run.require_allowed_organization()
        other = _claimed_by_another(context, _new_identity(context.resource))
        if other is not None:
            raise LifecycleError(f"its name {_why_name_is_taken(other)}")
        state = _new_state(context, dict(inputs), run.balance.get().org_id)
        return _charge_where_due(context, state)

    def read(self, context: Context, state: BalanceTopUpState) -> BalanceTopUpState | None:  # noqa: ARG002
        """Return the state. The server has nothing that it could be compared with."""
        return state

    def update(
        self, context: Context, state: BalanceTopUpState, inputs: BalanceTopUpInputs
    ) -> BalanceTopUpState:
        """Charge again if the inputs ask for that or it is due; keep the changed inputs."""
        context.run.require_allowed_organization()
        asked = _asks_for_charge(dict(state), dict(inputs))
        state = state.model_copy(update=dict(inputs))
        if state.when_below_cents is None and not asked:
            return state
        return _charge_where_due(context, state)

    def delete(self, context: Context, state: BalanceTopUpState) -> None:
        """Remove it from the stack, and tell the user that nothing is paid back."""
        if state.total_charged_cents:
            context.warn(
                f"{state.resource_name!r} is removed from the stack; the "
                f"{state.total_charged_cents} cents that it charged stay in the balance of "
                f"organization {state.org_id} and are not paid back."
            )


def month_of(epoch_seconds: float) -> str:
    """Return the UTC calendar month of a time, such as "2026-11"."""
    return datetime.fromtimestamp(epoch_seconds, tz=timezone.utc).strftime("%Y-%m")


def month_now(known_month: str, server_time: float | None, clock: float) -> str | None:
    """Return the month that a monthly limit is for. It is never before `known_month`, the state's.

    The server decides it, if this machine's clock differs by less than a day; otherwise one of the
    two is wrong, and the month is None.
    """
    if server_time is None or abs(server_time - clock) > _CLOCKS_AGREE.total_seconds():
        return None
    return max(known_month, month_of(server_time))


def month_to_keep(known_month: str, server_time: float | None, clock: float) -> str:
    """Return the month that a charge is counted for, also where nothing depends on it.

    If the server's time and this machine's clock differ, the earlier one counts: a state with a
    month far ahead would count for that month for ever.
    """
    earlier = min(clock if server_time is None else server_time, clock)
    agreed = month_now(known_month, server_time, clock)
    return agreed or max(known_month, month_of(earlier))


def _refuse(checked: Checked, refusal: str | None, input_name: str = "amount_cents") -> None:
    if refusal is not None:
        checked.problems.append(Problem(input_name, refusal))


def _name_of(resource: ResourceNames) -> str:
    """Return the top-up's name in the program now, for messages."""
    place = f" in {resource.parent_types}" if resource.parent_types else ""
    return f"{resource.name!r}{place}"


def _claimed_by_another(context: Context, identity: Identity) -> str | None:
    """Claim an identity for this resource; return another top-up of this run that has it.

    Its owner is the name in the program now. So a resource and its replacement are the same.
    """
    name = _name_of(context.resource)
    claim = context.run.claims.claim(f"top-up:{identity.digest}", name, f"the top-up {name}")
    return None if claim is None else claim.subject


def _new_identity(resource: ResourceNames) -> Identity:
    """Return the identity of a top-up that will be created."""
    return Identity(
        resource.organization,
        resource.project,
        resource.stack,
        resource.name,
        resource.parent_types,
    )


def _new_state(context: Context, inputs: Props, org_id: str) -> BalanceTopUpState:
    """Return the state of a top-up that has charged nothing yet. An input may be UNKNOWN."""
    run, resource = context.run, context.resource
    return BalanceTopUpState.model_construct(
        **inputs,
        organization=resource.organization,
        project=resource.project,
        stack=resource.stack,
        resource_name=resource.name,
        parent_types=resource.parent_types or None,
        org_id=org_id,
        month=month_to_keep("", run.server_time(), run.clock()),
    )


def _why_no_prepaid_balance(run: Run) -> str | None:
    """Return why the organization's balance can't be topped up, or None."""
    balance = run.balance.get()
    refusal = why_invoiced(balance)
    return None if refusal is None else with_open_charge(run, balance.org_id, refusal)


def _why_name_is_taken(other: str) -> str:
    """Return why a new top-up can't have the name that another one has in its keys."""
    return (
        f"was that of {other} when it was created, and one charge would be counted for both: "
        "choose another name for the new one"
    )


def _check_creation(context: Context, checked: Checked) -> None:
    """Refuse a name that another top-up has; tell the user what will be charged."""
    run, news = context.run, checked.inputs
    other = _claimed_by_another(context, _new_identity(context.resource))
    if other is not None:
        _refuse(checked, _why_name_is_taken(other), "resource_name")
        return
    _, refusal = _plan(context, _new_state(context, news, run.balance.get().org_id), news)
    _refuse(checked, refusal)


def _asks_for_charge(olds: Props, news: Props) -> bool:
    """Return whether an input has changed whose change charges, if there is no threshold."""
    return any(not same(olds.get(name), news.get(name)) for name in ("amount_cents", "triggers"))


def _next_charge(state: BalanceTopUpState, news: Props) -> Charge | None:
    """Return the next charge; None if its amount or its triggers aren't known."""
    amount, identity = news.get("amount_cents"), state.identity
    if not isinstance(amount, int | float):
        return None
    try:
        key = idempotency_key(identity, state.charges, int(amount), news.get("triggers"))
    except TypeError:
        return None
    return Charge(int(amount), key, state.org_id, identity)


def _known_charge(run: Run, wanted: Charge | None) -> JournalEntry | None:
    """Return the entry of a charge that this machine knows to be made, though no state has it."""
    entry = run.charge_journal.find(wanted.org_id, wanted.key) if wanted is not None else None
    return entry if entry is not None and entry.outcome == "charged" else None


def _plan(context: Context, state: BalanceTopUpState, news: Props) -> tuple[bool, str | None]:
    """Tell the user what a run with these inputs will charge. Changes nothing.

    Return whether a charge is due, and why it will be refused.
    """
    run, threshold = context.run, news.get("when_below_cents")
    wanted = _next_charge(state, news)
    if _known_charge(run, wanted) is not None:
        _announce(context, news, wanted, is_known=True)
        return True, None
    condition = ""
    if isinstance(threshold, int | float):
        balance = run.balance.get()
        if not _is_below(balance, threshold):
            return False, None
        used = _used_of_limit(run, state)
        if used is None:
            return True, f"isn't made: {_NO_MONTH}"
        if used.is_beyond(news):
            _warn_of_limit(context, state, balance, news, used)
            return False, None
        condition = (
            f", as the balance of {cents_of(balance):g} cents is below {threshold:g} (unless "
            "another charge raises it before this one's turn)"
        )
    refusal = why_not_now(context, wanted.org_id, wanted.key) if wanted is not None else None
    if refusal is None:
        _announce(context, news, wanted, condition)
    return True, refusal


def _announce(
    context: Context,
    news: Props,
    wanted: Charge | None,
    condition: str = "",
    *,
    is_known: bool = False,
) -> None:
    """Tell, once in a run, what `pulumi up` will charge. The text is right in a preview too."""
    name, amount = _name_of(context.resource), news.get("amount_cents")
    cents = f"{amount:g}" if isinstance(amount, int | float) else "a still unknown number of"
    key = f" under the idempotency key {wanted.key}" if wanted is not None else ""
    if is_known:
        text = (
            f"{name}: `pulumi up` will count {cents} cents that were charged before{key}, and "
            "charge nothing for them."
        )
    else:
        text = f"{name}: `pulumi up` will charge {cents} cents to the card{key}{condition}."
    context.info(text, once=True)


def _is_below(balance: Balance, threshold: float) -> bool:
    return cents_of(balance) < threshold


class _Used(NamedTuple):
    """The cents of the organization's monthly limit that are used: by this top-up, and by others.

    A new state, after a rename or a replacement, doesn't have what the journal has.
    """

    month: str
    own: int
    others: int

    def is_beyond(self, news: Props) -> bool:
        """Return whether one more charge would be beyond the limit. An UNKNOWN input isn't."""
        amount, limit = news.get("amount_cents"), news.get("monthly_limit_cents") or 0
        if not isinstance(amount, int | float) or not isinstance(limit, int | float):
            return False
        return self.own + self.others + amount > limit


def _used_of_limit(run: Run, state: BalanceTopUpState) -> _Used | None:
    """Return what is used of the limit; None if the month isn't known."""
    month = month_now(state.month, run.server_time(), run.clock())
    if month is None:
        return None
    entries = run.charge_journal.entries(state.org_id)
    own, others = charged_in_month(entries, month, state.identity.digest)
    in_state = state.month_charged_cents if state.month == month else 0
    return _Used(month, max(own, in_state), others)


def _warn_of_limit(
    context: Context, state: BalanceTopUpState, balance: Balance, news: Props, used: _Used
) -> None:
    others = f" ({used.others} of them by other top-ups)" if used.others else ""
    context.warn(
        f"The balance of {cents_of(balance):g} cents is low, and {state.resource_name!r} charges "
        f"nothing: {used.own + used.others} cents of {field_name('monthly_limit_cents')} "
        f"{news.get('monthly_limit_cents') or 0:g} are used in {used.month}{others}.",
        once=True,
    )


def _charge_where_due(context: Context, state: BalanceTopUpState) -> BalanceTopUpState:
    """Charge; with a threshold, only if the balance is low now.

    A charge that was made before and isn't in the state is counted and not made again. Without a
    threshold, it is the one that was asked for.
    """
    run, by_threshold = context.run, state.when_below_cents is not None
    with one_charge_at_a_time(
        context, state.amount_cents, state.org_id, lock_required=by_threshold
    ) as before:
        while True:
            wanted = _next_charge(state, dict(state))
            if wanted is None:
                raise LifecycleError("not all of `triggers` is known, so nothing is charged")
            known = _known_charge(run, wanted)
            if known is None:
                break
            state = _counted(context, state, known, cents_of(before))
            if not by_threshold:
                return state
        if by_threshold and not _is_due(context, state, before):
            return state
        month = month_to_keep(state.month, run.server_time(), run.clock())
        after = charge(context, wanted, before, month)
        server_time = run.server_time()
        now = run.clock() if server_time is None else server_time
        return state.with_charge(
            key=wanted.key,
            cents=wanted.amount_cents,
            at=now,
            month=month,
            before=cents_of(before),
            after=cents_of(after),
        )


def _is_due(context: Context, state: BalanceTopUpState, balance: Balance) -> bool:
    """Return whether a top-up by threshold charges now."""
    if state.when_below_cents is None or not _is_below(balance, state.when_below_cents):
        return False
    used = _used_of_limit(context.run, state)
    if used is None:
        raise LifecycleError(_NO_MONTH)
    if used.is_beyond(dict(state)):
        _warn_of_limit(context, state, balance, dict(state), used)
        return False
    return True


def _counted(
    context: Context, state: BalanceTopUpState, known: JournalEntry, balance: float
) -> BalanceTopUpState:
    """Return the state with a charge that this machine knows to be made."""
    context.warn(
        f"Nothing was charged now: the {known.amount_cents} cents under the idempotency key "
        f"{known.key} were charged {known.began}, by a run whose state isn't this one, or for a "
        "resource of this name that was destroyed or replaced. They are counted here. To charge "
        "once more, change `triggers`."
    )
    at = known.begun_here if known.begun_at is None else known.begun_at
    return state.with_charge(
        key=known.key,
        cents=known.amount_cents,
        at=at,
        month=known.month,
        before=balance,
        after=balance,
    )
