"""BalanceTopUp: prepaid balance, charged to the organization's card. /service/v1/balance.

One decision (`decide`) says whether a top-up charges. Checks and previews show it, before anything
is charged. The run takes it again under the lock of charges, and carries it out.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, ClassVar

from pydantic import Field

from parallel_provider.api import ApiError, Balance
from parallel_provider.errors import LifecycleError, ParallelError, UserFolderError
from parallel_provider.lifecycle.charge_journal import (
    JournalEntry,
    charge_lock,
    open_charge,
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
    is_known,
    same,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle
from parallel_provider.lifecycle.run import Context, ResourceNames, Run
from parallel_provider.model import Integer, Number
from parallel_provider.printable import field_name
from parallel_provider.sendable import require_sendable

# ----------------------------------------------------------------------
# Inputs and outputs.


class BalanceTopUpInputs(Inputs):
    """What a program says about a top-up."""

    amount_cents: Annotated[
        ChargeCents, OnChange("charges once, unless `when_below_cents` is set")
    ] = Field(
        description="The amount of one charge, 1 to 10000 US cents. It is refused if it is higher "
        "than the setting `maxTopUpCents`, and without that setting."
    )
    when_below_cents: Annotated[PositiveCents | None, OnChange("takes effect in this run")] = Field(
        default=None,
        description="Each run charges if it finds the balance below this, in US cents. Without it, "
        "the resource charges once when it is created.",
    )
    monthly_limit_cents: Annotated[PositiveCents | None, OnChange("takes effect in this run")] = (
        Field(
            default=None,
            description="The most to charge in a UTC calendar month, in US cents. Required with "
            "`when_below_cents`. Beyond it, nothing is charged, and a warning says so.",
        )
    )
    triggers: Annotated[JsonLike, OnChange("charges once, unless `when_below_cents` is set")] = (
        Field(default=None, description='Any JSON-like value, such as {"invoice": 12}.')
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


def idempotency_key(
    identity: ResourceNames, charges: int, amount_cents: int, triggers: object
) -> str:
    """Return the idempotency key of one charge. The same reason gives the same key.

    `charges` is the number of the top-up's charges so far. Everything is known.
    """
    reason = {"charges": charges, "amount_cents": amount_cents, "triggers": triggers}
    text = canonical_json({"top_up": asdict(identity), **reason})
    return "pulumi-" + hashlib.sha256(text.encode()).hexdigest()


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
    def identity(self) -> ResourceNames:
        """The names that are a part of every idempotency key."""
        return ResourceNames(
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
        self, charge: JournalEntry, before: Balance, after: Balance
    ) -> BalanceTopUpState:
        """Return the state after one more charge. A month that is over isn't counted again."""
        in_month = self.month_charged_cents if charge.month <= self.month else 0
        return self.model_copy(
            update={
                "charges": self.charges + 1,
                "last_charge_cents": charge.amount_cents,
                "last_charged_at": int(charge.time),
                "total_charged_cents": self.total_charged_cents + charge.amount_cents,
                "month": max(charge.month, self.month),
                "month_charged_cents": in_month
                + (charge.amount_cents if charge.month >= self.month else 0),
                "balance_before_cents": before.credit_balance_cents,
                "balance_after_cents": after.credit_balance_cents,
                "last_idempotency_key": charge.key,
            }
        )


_OUTPUTS = tuple(BalanceTopUpState.model_fields)
SET_BY_A_CHARGE = _OUTPUTS[_OUTPUTS.index("charges") :]
"""The outputs that a charge changes."""


# ----------------------------------------------------------------------
# The decision, from values alone.

_CLOCKS_AGREE = timedelta(days=1)


@dataclass(frozen=True)
class Facts:
    """What a decision depends on, besides the top-up. `entries` are its organization's."""

    balance: Balance
    max_top_up_cents: int | None
    entries: Sequence[JournalEntry]
    server_time: float | None
    clock: float


@dataclass(frozen=True)
class NothingDue:
    """The balance isn't below the threshold, or the limit is used up, which `warning` says."""

    warning: str | None = None


@dataclass(frozen=True)
class Refused:
    """A charge is due, and isn't made."""

    problem: Problem


@dataclass(frozen=True)
class CountKnown:
    """The card was charged, and the state doesn't have it. So it is counted, and not charged.

    `number` is that of the charges before it. A state can be older by several.
    """

    entry: JournalEntry
    number: int

    def counted_in(self, state: BalanceTopUpState, balance: Balance) -> BalanceTopUpState:
        """Return the state with this charge."""
        older = state.model_copy(update={"charges": self.number})
        return older.with_charge(self.entry, balance, balance)


@dataclass(frozen=True)
class ChargeDue:
    """A charge is due, and nothing forbids it.

    Where a preview doesn't know the amount or the triggers yet, it doesn't know the key either.
    `begun` is the same charge if an earlier run has begun it, and its outcome isn't known.
    """

    amount_cents: int | None
    key: str | None
    month: str
    begun: JournalEntry | None = None


Decision = NothingDue | Refused | CountKnown | ChargeDue


def decide(state: BalanceTopUpState, inputs: Props, facts: Facts) -> Decision:
    """Decide whether a top-up with a threshold, or whose inputs ask for a charge, charges.

    Of `state` only what was charged counts. `inputs` are checked inputs, which may hold UNKNOWN.
    """
    problem = _other_organization_problem(state, facts.balance) or invoice_problem(
        facts.balance, facts.entries
    )
    if problem is not None:
        return Refused(problem)
    known = _known_charge(state, inputs, facts.entries)
    if known is not None:
        return known
    amount, key = _amount_and_key(state, inputs)
    begun = next((entry for entry in facts.entries if entry.key == key), None)
    month = month_now(state.month, facts.server_time, facts.clock)
    not_due = _not_due_by_threshold(state, inputs, facts, amount, month)
    if not_due is not None:
        return not_due
    problem = setting_problem(amount, facts.max_top_up_cents) or _open_charge_problem(key, facts)
    if problem is not None:
        return Refused(problem)
    return ChargeDue(amount, key, month, begun)


def decide_all(state: BalanceTopUpState, inputs: Props, facts: Facts) -> list[Decision]:
    """Return what a run does, in order. With a threshold, it goes on after counting a charge."""
    decisions = [decide(state, inputs, facts)]
    while isinstance(counted := decisions[-1], CountKnown) and _has_threshold(inputs):
        state = counted.counted_in(state, facts.balance)
        decisions.append(decide(state, inputs, facts))
    return decisions


def _other_organization_problem(state: BalanceTopUpState, balance: Balance) -> Problem | None:
    if balance.org_id == state.org_id:
        return None
    return Problem(
        "amount_cents",
        f"isn't charged: the resource belongs to organization {state.org_id!r}, and the access "
        f"token to {balance.org_id!r}, whose card it won't charge: use a token of the right "
        "organization, or declare a top-up of another name for this one",
    )


def _open_charge_problem(key: str | None, facts: Facts) -> Problem | None:
    """Return the problem if an open charge stops the one under this key, where it is known."""
    found = open_charge(facts.entries, key)
    if found is None or key is None:
        return None
    if found.key == key and found.may_be_repeated(facts.server_time, facts.clock):
        return None
    return Problem("amount_cents", f"isn't charged, as {found.unknown_outcome}")


def setting_problem(amount_cents: int | None, max_top_up_cents: int | None) -> Problem | None:
    """Return the problem if the settings don't allow a charge of this amount, where it is known."""
    if amount_cents is None:
        return None
    if max_top_up_cents is None:
        return Problem(
            "amount_cents",
            "would charge the organization's card, which is switched off: allow it with `pulumi "
            f"config set parallel:maxTopUpCents {amount_cents}` (or PARALLEL_MAX_TOP_UP_CENTS), "
            "the most that one charge may be",
        )
    if amount_cents > max_top_up_cents:
        return Problem(
            "amount_cents",
            "is more than one charge may be: the lowest limit that is set (parallel:maxTopUpCents, "
            "PARALLEL_MAX_TOP_UP_CENTS, or the explicit provider's) allows "
            f"{max_top_up_cents}, and this is {amount_cents}",
        )
    return None


def invoice_problem(balance: Balance, entries: Sequence[JournalEntry]) -> Problem | None:
    """Return the problem if the organization has no prepaid balance.

    It says too if the outcome of one of the organization's charges isn't known.
    """
    if not balance.will_invoice:
        return None
    reason = (
        f"can't be charged: organization {balance.org_id} pays by invoice and has no prepaid "
        "balance to top up. Remove this resource"
    )
    begun = open_charge(entries)
    return Problem(
        "amount_cents", reason if begun is None else f"{reason}. And {begun.unknown_outcome}"
    )


def month_now(known_month: str, server_time: float | None, clock: float) -> str:
    """Return the UTC month that a charge counts for, such as "2026-11".

    The server decides it. If its time and this machine's clock don't agree, the earlier one counts:
    a state with a month far ahead would count for that month for ever. The month is never before
    `known_month`, the state's.
    """
    at = clock if server_time is None else server_time
    if not clocks_agree(server_time, clock):
        at = min(at, clock)
    return max(known_month, datetime.fromtimestamp(at, tz=timezone.utc).strftime("%Y-%m"))


def clocks_agree(server_time: float | None, clock: float) -> bool:
    """Return whether the server's time and this machine's differ by a day at most."""
    return server_time is not None and abs(server_time - clock) <= _CLOCKS_AGREE.total_seconds()


def _amount_and_key(state: BalanceTopUpState, inputs: Props) -> tuple[int | None, str | None]:
    """Return the amount of the next charge and its idempotency key, None if not known yet."""
    amount, triggers = inputs.get("amount_cents"), inputs.get("triggers")
    if not isinstance(amount, int | float):
        return None, None
    if not is_known(triggers):
        return int(amount), None
    return int(amount), idempotency_key(state.identity, state.charges, int(amount), triggers)


def _known_charge(
    state: BalanceTopUpState, inputs: Props, entries: Sequence[JournalEntry]
) -> CountKnown | None:
    """Return the charge that was made for the same reason, now or by a run whose state is newer."""
    digest = state.identity.digest
    own = {e.key: e for e in entries if e.identity == digest and e.outcome == "charged"}
    for number in range(state.charges, state.charges + len(own)):
        _, key = _amount_and_key(state.model_copy(update={"charges": number}), inputs)
        if key in own:
            return CountKnown(own[key], number)
    return None


def _not_due_by_threshold(
    state: BalanceTopUpState, inputs: Props, facts: Facts, amount: int | None, month: str
) -> NothingDue | Refused | None:
    """Return why nothing is charged by threshold; None if there is none or it isn't known yet."""
    threshold, balance = inputs.get("when_below_cents"), facts.balance.credit_balance_cents
    if not isinstance(threshold, int | float):
        return None
    if balance >= threshold:
        return NothingDue()
    if not clocks_agree(facts.server_time, facts.clock):
        reason = (
            "isn't charged: the server's answers have no date, or one that differs by more than a "
            "day from this machine's clock, so the month that "
            f"{field_name('monthly_limit_cents')} is for isn't known: correct the clock, or see "
            "what stands between you and the server"
        )
        return Refused(Problem("amount_cents", reason))
    # A new state, after a rename or a replacement, doesn't have what the journal has.
    charged = [e for e in facts.entries if e.outcome == "charged" and e.month == month]
    own = [e.amount_cents for e in charged if e.identity == state.identity.digest]
    others = sum(entry.amount_cents for entry in charged) - sum(own)
    used = others + max(sum(own), state.month_charged_cents if state.month == month else 0)
    limit = inputs.get("monthly_limit_cents") or 0
    if amount is None or not isinstance(limit, int | float) or used + amount <= limit:
        return None
    by_others = f" ({others} of them by other top-ups)" if others else ""
    return NothingDue(
        f"The balance of {cents_text(balance)} cents is low, and {state.resource_name!r} charges "
        f"nothing: {used} cents of {field_name('monthly_limit_cents')} {cents_text(limit)} are "
        f"used in {month}{by_others}."
    )


def cents_text(cents: float) -> str:
    """Return an amount for people, with all its digits."""
    return str(int(cents) if float(cents).is_integer() else cents)


# ----------------------------------------------------------------------
# From the check to the deletion.


class BalanceTopUpLifecycle(Lifecycle[BalanceTopUpInputs, BalanceTopUpState]):
    """Spends real money: what isn't plainly allowed is refused before anything is charged."""

    kind: ClassVar[str] = "BalanceTopUp"
    inputs_type = BalanceTopUpInputs
    state_type = BalanceTopUpState

    def check(self, context: Context, olds: Props, news: Props) -> Checked:
        """Check the inputs and, if this may charge, what the settings and the balance allow."""
        checked = super().check(context, olds, news)
        if not olds or _has_threshold(news) or _asks_for_charge(olds, news):
            problem = _problem_of_charging(context, checked, is_new=not olds)
            if problem is not None:
                checked.problems.append(problem)
        return checked

    def diff(self, context: Context, state: BalanceTopUpState, news: Props) -> Diff:
        """Compare inputs, and tell the user about a charge that is due. It is never replaced."""
        if context.run.claims.has_program:
            _claim_name(context, state.identity)
        updates = set(changed_inputs(self.inputs_type, state, news))
        by_threshold = _has_threshold(news)
        if by_threshold or _asks_for_charge(dict(state), news):
            decisions = _decide_before_run(context, state, news)
            if isinstance(refused := decisions[-1], Refused):
                if not by_threshold:
                    raise LifecycleError(refused.problem.text)
                # A refresh asks for a diff too, and charges nothing. The update raises.
                context.warn(f"{_name_of(context.resource)}: {refused.problem.text}.")
            if by_threshold and not isinstance(decisions[0], NothingDue):
                updates.add("when_below_cents")
        return Diff(updates=tuple(sorted(updates)))

    def expect_update(
        self, context: Context, state: BalanceTopUpState, inputs: Props
    ) -> dict[str, Any]:
        """Return the outputs after an update. What a charge changes isn't known before it."""
        expected = super().expect_update(context, state, inputs)
        if not _has_threshold(inputs) and not _asks_for_charge(dict(state), inputs):
            return expected
        return {**expected, **dict.fromkeys(SET_BY_A_CHARGE, UNKNOWN)}

    def create(self, context: Context, inputs: BalanceTopUpInputs) -> BalanceTopUpState:
        """Charge for the first time; with a threshold, only if the balance is low."""
        state = _state_without_charges(context)
        _claim_name(context, state.identity)
        return _charge_if_due(context, state.model_copy(update=dict(inputs)))

    def read(self, context: Context, state: BalanceTopUpState) -> BalanceTopUpState | None:  # noqa: ARG002
        """Return the state. The server has nothing that it could be compared with."""
        return state

    def update(
        self, context: Context, state: BalanceTopUpState, inputs: BalanceTopUpInputs
    ) -> BalanceTopUpState:
        """Charge again if the inputs ask for that or it is due; keep the changed inputs."""
        asks = _asks_for_charge(dict(state), dict(inputs))
        state = state.model_copy(update=dict(inputs))
        if asks or state.when_below_cents is not None:
            return _charge_if_due(context, state)
        return state

    def delete(self, context: Context, state: BalanceTopUpState) -> None:
        """Remove it from the stack, and tell the user that nothing is paid back."""
        if state.total_charged_cents:
            context.warn(
                f"{state.resource_name!r} is removed from the stack; the "
                f"{state.total_charged_cents} cents that it charged stay in the balance of "
                f"organization {state.org_id} and are not paid back."
            )


def _has_threshold(inputs: Props) -> bool:
    return inputs.get("when_below_cents") is not None


def _asks_for_charge(olds: Props, news: Props) -> bool:
    """Return whether an input has changed whose change charges, if there is no threshold."""
    return any(not same(olds.get(name), news.get(name)) for name in ("amount_cents", "triggers"))


def _problem_of_charging(context: Context, checked: Checked, *, is_new: bool) -> Problem | None:
    """Return the problem if a top-up that may charge can't; tell what a new one will charge."""
    run, amount = context.run, checked.inputs.get("amount_cents")
    if isinstance(amount, int) and all(p.input != "amount_cents" for p in checked.problems):
        problem = setting_problem(amount, run.max_top_up_cents)
        if problem is not None:
            return problem
    if checked.problems:
        return None
    if not is_new:
        balance = run.balance.get()
        return invoice_problem(balance, run.charge_journal.entries(balance.org_id))
    state = _state_without_charges(context)
    _claim_name(context, state.identity)
    last = _decide_before_run(context, state, checked.inputs)[-1]
    return last.problem if isinstance(last, Refused) else None


def _state_without_charges(context: Context) -> BalanceTopUpState:
    """Return the state of a top-up that has charged nothing yet, without its inputs.

    Raises LifecycleError if Pulumi couldn't keep it: what is charged must be counted.
    """
    run, resource = context.run, context.resource
    state = BalanceTopUpState(
        amount_cents=0,
        organization=resource.organization,
        project=resource.project,
        stack=resource.stack,
        resource_name=resource.name,
        parent_types=resource.parent_types or None,
        org_id=run.balance.get().org_id,
        month=month_now("", run.server_time(), run.clock()),
    )
    require_sendable(dict(state))
    return state


def _name_of(resource: ResourceNames) -> str:
    """Return the top-up's name in the program now, for messages."""
    place = f" in {resource.parent_types}" if resource.parent_types else ""
    return f"{resource.name!r}{place}"


def _claim_name(context: Context, identity: ResourceNames) -> None:
    """Claim an identity for this resource. Raises LifecycleError if another top-up has it.

    Its owner is the name in the program now. So a resource and its replacement are the same.
    """
    name = _name_of(context.resource)
    claim = context.run.claims.claim(f"top-up:{identity.digest}", name, f"the top-up {name}")
    if claim is not None:
        raise LifecycleError(
            f"it and {claim.subject} were created under one name, {identity.name!r}, and one "
            "charge would be counted for both: choose another name for the newer one of the two"
        )


def _facts(run: Run, org_id: str, balance: Balance) -> Facts:
    return Facts(
        balance,
        run.max_top_up_cents,
        run.charge_journal.entries(org_id),
        run.server_time(),
        run.clock(),
    )


def _decide_before_run(context: Context, state: BalanceTopUpState, inputs: Props) -> list[Decision]:
    """Decide as the run will, and tell the user. Changes nothing."""
    run = context.run
    balance = run.balance.get()
    decisions = decide_all(state, inputs, _facts(run, state.org_id, balance))
    if isinstance(decisions[-1], Refused):
        # Perhaps because of a charge that is just being made, by another resource of this run or
        # another process. If that takes too long, its outcome isn't known either.
        with charge_lock(state.org_id, run.api.call_seconds, run.cancellation):
            decisions = decide_all(state, inputs, _facts(run, state.org_id, balance))
    for decision in decisions:
        _announce(context, inputs, decision, balance)
    return decisions


def _announce(context: Context, inputs: Props, decision: Decision, balance: Balance) -> None:
    """Tell, once in a run, what `pulumi up` will do. The text is right in a preview too."""
    name, threshold = _name_of(context.resource), inputs.get("when_below_cents")
    match decision:
        case NothingDue(warning=str(warning)):
            context.warn(warning, once=True)
        case CountKnown(entry=entry):
            context.info(
                f"{name}: `pulumi up` will count {entry.amount_cents} cents that were charged "
                f"before under the idempotency key {entry.key}, and charge nothing for them.",
                once=True,
            )
        case ChargeDue(amount_cents=amount, key=key):
            cents = "a still unknown number of" if amount is None else str(amount)
            under = f" under the idempotency key {key}" if key is not None else ""
            condition = ""
            if isinstance(threshold, int | float):
                condition = (
                    f", as the balance of {cents_text(balance.credit_balance_cents)} cents is "
                    f"below {cents_text(threshold)} (unless another charge raises it before this "
                    "one's turn)"
                )
            context.info(
                f"{name}: `pulumi up` will charge {cents} cents to the card{under}{condition}.",
                once=True,
            )


# ----------------------------------------------------------------------
# Charge the card once for one reason, however often it is tried. POST /service/v1/balance/add.


def _charge_if_due(context: Context, state: BalanceTopUpState) -> BalanceTopUpState:
    """Take the decision again, and carry it out. Nothing else of this user charges meanwhile.

    A known charge is counted. Without a threshold, it is the one that was asked for.
    """
    run = context.run
    with charge_lock(state.org_id, run.api.call_seconds, run.cancellation) as failure:
        if failure is not None:
            _require_lock(context, state, failure)
        before = run.api.get_balance()
        for decision in decide_all(state, dict(state), _facts(run, state.org_id, before)):
            match decision:
                case Refused(problem=problem):
                    raise LifecycleError(problem.text)
                case NothingDue():
                    _announce(context, dict(state), decision, before)
                case CountKnown():
                    state = _counted(context, state, decision, before)
                case ChargeDue():
                    state = _charge(context, state, decision, before, has_lock=failure is None)
        return state


def _require_lock(
    context: Context, state: BalanceTopUpState, failure: TimeoutError | UserFolderError
) -> None:
    """Raise LifecycleError, unless the user has no place for a lock and there is no threshold."""
    run = context.run
    if isinstance(failure, UserFolderError) and state.when_below_cents is None:
        # A container without a place for files is gone by the next run, as its files would be.
        context.warn(
            f"{failure}. So nothing else on this machine waits for this charge, or knows of it if "
            "its outcome isn't known: should this run be killed, look for the key that it prints "
            "in the Parallel console before you run again, unless you do so within 23 hours.",
            once=True,
        )
        return
    if isinstance(failure, UserFolderError):
        raise LifecycleError(
            "nothing is charged by threshold, as another run of this user could charge "
            f"organization {state.org_id} at the same time: {failure}"
        )
    if run.cancellation.is_set():
        raise LifecycleError(
            "the run was cancelled while another process of this user was charging organization "
            f"{state.org_id}, so nothing is charged: run again"
        )
    raise LifecycleError(
        f"another charge of this user for organization {state.org_id} hasn't ended after "
        f"{run.api.call_seconds:g} seconds (parallel:timeoutSeconds), so nothing is charged: end "
        "its process if it hangs, or wait until it has ended, then run again"
    )


def _counted(
    context: Context, state: BalanceTopUpState, known: CountKnown, balance: Balance
) -> BalanceTopUpState:
    """Return the state with a charge that this machine knows to be made."""
    entry = known.entry
    context.warn(
        f"Nothing was charged now: the {entry.amount_cents} cents under the idempotency key "
        f"{entry.key} were charged {entry.time_text}, by a run whose state isn't this one, or for "
        "a resource of this name that was destroyed or replaced. They are counted here. To charge "
        "once more, change `triggers`."
    )
    return known.counted_in(state, balance)


def _charge(
    context: Context, state: BalanceTopUpState, due: ChargeDue, before: Balance, *, has_lock: bool
) -> BalanceTopUpState:
    """Make a charge, and return the state after it."""
    run = context.run
    if due.amount_cents is None or due.key is None:
        raise LifecycleError("not all of `triggers` is known, so nothing is charged")
    entry = due.begun or JournalEntry(
        key=due.key,
        org_id=state.org_id,
        amount_cents=due.amount_cents,
        resource=str(state.identity),
        identity=state.identity.digest,
        month=due.month,
        begun_at=run.server_time(),
        begun_here=run.clock(),
        outcome="begun",
    )
    context.info(
        f"Charging {entry.amount_cents} cents to the card of organization {entry.org_id} under "
        f"the idempotency key {entry.key} (for {entry.resource})."
    )
    noted = True
    try:
        run.charge_journal.write(entry)
    except UserFolderError as error:
        if has_lock:
            raise LifecycleError(f"nothing is charged that isn't noted first: {error}") from None
        noted = False  # the user has no place for it, and knows that from the missing lock
    after = _send(run, entry, before, noted=noted, is_new=due.begun is None)
    charged = entry.model_copy(update={"outcome": "charged", "month": due.month})
    if noted:
        try:
            run.charge_journal.write(charged)
        except UserFolderError as error:
            context.warn(
                f"{charged.amount_cents} cents were charged under the idempotency key "
                f"{charged.key}, but {error}. Then run `parallel-provider charges settle "
                f"{charged.key} --charged`: until then, the outcome counts as not known, and "
                f"nothing else is charged to organization {charged.org_id}."
            )
    _announce_charge(context, charged, before, after)
    return state.with_charge(charged, before, after)


def _send(run: Run, entry: JournalEntry, before: Balance, *, noted: bool, is_new: bool) -> Balance:
    """Send the request. Raises LifecycleError if it isn't known whether the card was charged."""
    try:
        return run.api.add_balance(entry.amount_cents, entry.key)
    except ParallelError as error:
        if isinstance(error, ApiError) and error.may_have_worked:
            text = _unknown_outcome(run, str(error), entry, before, noted=noted)
            raise LifecycleError(text) from None
        # This run has charged nothing. Whether an earlier one has charged is unknown as before.
        if not is_new:
            raise LifecycleError(f"{error}. And {entry.unknown_outcome}") from None
        with contextlib.suppress(UserFolderError):
            run.charge_journal.forget(entry)
        raise


def _unknown_outcome(
    run: Run, reason: str, entry: JournalEntry, before: Balance, *, noted: bool
) -> str:
    try:
        balance_now = f"{cents_text(run.api.get_balance().credit_balance_cents)} cents"
    except ParallelError:
        balance_now = "not known, as it can't be read either"
    advice = entry.advice
    if not noted:
        advice = (
            "Nothing on this machine tells the next run of it: before you run again, look at the "
            "charges in the Parallel console (the balance alone proves nothing). The key is "
            f"{entry.key}"
        )
    return (
        f"it isn't known whether {entry.amount_cents} cents were charged: {reason}. The balance "
        f"was {cents_text(before.credit_balance_cents)} cents before, and is {balance_now} now. "
        f"{advice}"
    )


def _announce_charge(
    context: Context, charged: JournalEntry, before: Balance, after: Balance
) -> None:
    """Tell the user what was charged, or why that isn't certain."""
    if after.credit_balance_cents > before.credit_balance_cents:
        context.info(f"Charged {charged.amount_cents} cents (key {charged.key}).")
        return
    context.warn(
        f"The {charged.amount_cents} cents under the idempotency key {charged.key} are counted as "
        "charged, but the balance didn't rise (before: "
        f"{cents_text(before.credit_balance_cents)}, after: "
        f"{cents_text(after.credit_balance_cents)}). Either as much was used meanwhile, or the "
        "server had charged under this key before: in a run that ended without an answer, before "
        "this resource was destroyed, or from another checkout of the same stack. The balance "
        "alone doesn't tell which: look at the charges in the Parallel console."
    )
