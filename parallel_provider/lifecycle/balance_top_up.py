"""BalanceTopUp: prepaid balance, charged to the organization's card. /service/v1/balance."""

from __future__ import annotations

import contextlib
from typing import ClassVar

import msgspec

from parallel_provider.api import Balance
from parallel_provider.errors import JournalError
from parallel_provider.lifecycle.balance_top_up_state import (
    BalanceTopUpInputs,
    BalanceTopUpState,
    claimant_of,
    identity_of,
    with_salt,
)
from parallel_provider.lifecycle.charge import (
    MAX_AMOUNT_CENTS,
    MIN_AMOUNT_CENTS,
    Charge,
    cents_of,
    charge,
    one_charge_at_a_time,
    why_invoiced,
    why_not_allowed,
)
from parallel_provider.lifecycle.charge_claims import Claimant
from parallel_provider.lifecycle.charge_plan import (
    announce,
    is_settled,
    month_now,
    month_of,
    wanted_charge,
    why_name_is_taken,
    why_not_ours,
    why_not_planned,
)
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.resource import Checked, Diff, Lifecycle, Props, same
from parallel_provider.lifecycle.run import Run

# What a user may change; a change is kept in the state, whether or not it charges.
_SETTABLE = ("amount_cents", "when_below_cents", "monthly_limit_cents", "triggers")


class BalanceTopUpLifecycle(Lifecycle[BalanceTopUpInputs, BalanceTopUpState]):
    """Spends real money: what isn't plainly allowed is refused before anything is charged."""

    kind: ClassVar[str] = "BalanceTopUp"
    name_input: ClassVar[str] = "resource_name"
    known_by: ClassVar[str] = "charges"
    inputs_type = BalanceTopUpInputs
    state_type = BalanceTopUpState

    def check(self, run: Run, olds: Props, news: Props) -> Checked:
        """Check ranges and, where this may charge, what the settings and the balance allow."""
        check = InputCheck(news)
        amount = check.cents("amount_cents", least=MIN_AMOUNT_CENTS, most=MAX_AMOUNT_CENTS)
        check.cents("when_below_cents", least=1, required=False)
        limit = check.cents("monthly_limit_cents", least=1, required=False)
        check.json_like("triggers")
        by_threshold = news.get("when_below_cents") is not None
        if by_threshold and news.get("monthly_limit_cents") is None:
            check.refuse("monthly_limit_cents", "is required together with when_below_cents")
        if not by_threshold and news.get("monthly_limit_cents") is not None:
            check.refuse("monthly_limit_cents", "is only for use together with when_below_cents")
        if amount is not None and limit is not None and limit < amount:
            check.refuse("monthly_limit_cents", f"is less than one charge of {amount} cents")
        if not olds or by_threshold or _asks_for_charge(olds, news):
            if amount is not None:
                refusal = why_not_allowed(amount, run.guards.max_top_up_cents)
                if refusal is not None:
                    check.refuse("amount_cents", refusal)
            if not check.problems:
                refusal = why_invoiced(run.balance.get())
                if refusal is not None:
                    check.refuse("amount_cents", refusal)
        if not olds and not check.problems:
            _check_creation(run, check, news)
        return check.result()

    def diff(self, run: Run, state: BalanceTopUpState, news: Props) -> Diff:
        """Say whether something was changed, or the balance is low; neither needs a new one."""
        claimant = claimant_of(news)
        other = run.charge_claims.existing(state.identity, claimant)
        if other is not None:
            raise LifecycleError(
                f"the new top-up {other} has the name that this one was created under, "
                f"{state.resource_name!r}, and one charge would be counted for both: give the new "
                "one another name"
            )
        changed = any(not same(getattr(state, name), news.get(name)) for name in _SETTABLE)
        threshold, amount = news.get("when_below_cents"), news.get("amount_cents")
        wanted = _next_charge(state, amount, news.get("triggers"))
        if isinstance(threshold, int | float) and isinstance(amount, int | float):
            balance = run.balance.get()
            settled = wanted is not None and is_settled(run, wanted)
            if settled or _is_below(balance, threshold):
                limit = news.get("monthly_limit_cents")
                total = _month_total(run, state)
                if not settled and isinstance(limit, int | float) and total + amount > limit:
                    _warn_of_limit(run, state, balance, int(limit))
                else:
                    refusal = why_not_planned(run, claimant, wanted) if wanted is not None else None
                    if refusal is None:
                        announce(run, claimant, amount, wanted, _condition(balance, threshold))
                    else:
                        # A refresh comes here too, and charges nothing: the update refuses it.
                        run.messages.warn(f"{claimant}: the next charge {refusal}.")
                    changed = True
        elif threshold is None and _asks_for_charge(msgspec.structs.asdict(state), news):
            refusal = why_not_planned(run, claimant, wanted) if wanted is not None else None
            if refusal is not None:
                raise LifecycleError(f"the next charge {refusal}")
            announce(run, claimant, amount, wanted)
        return Diff(changed=changed)

    def create(self, run: Run, inputs: BalanceTopUpInputs) -> BalanceTopUpState:
        """Charge for the first time, or, by threshold, where the balance is low."""
        run.require_allowed_organization()
        names = msgspec.structs.asdict(inputs)
        claimant, identity = claimant_of(names), identity_of(names)
        other = run.charge_claims.new(identity, claimant)
        if other is not None:
            raise LifecycleError(f"its name {why_name_is_taken(other)}")
        org_id = run.balance.get().org_id
        server_time = run.server_time()
        month = month_of(run.clock() if server_time is None else server_time)
        state = BalanceTopUpState(**names, org_id=org_id, month=month)
        state = _charge_where_due(run, state, claimant)
        run.charge_claims.created(identity, claimant)
        return with_salt(state)

    def read(self, run: Run, state: BalanceTopUpState) -> BalanceTopUpState | None:  # noqa: ARG002
        """Return the state: the server keeps nothing that it could be compared with."""
        return state

    def update(
        self, run: Run, state: BalanceTopUpState, inputs: BalanceTopUpInputs
    ) -> BalanceTopUpState:
        """Charge again where that is asked for or due; otherwise keep what was changed."""
        run.require_allowed_organization()
        asked = _asks_for_charge(msgspec.structs.asdict(state), msgspec.structs.asdict(inputs))
        state = msgspec.structs.replace(
            state, **{name: getattr(inputs, name) for name in _SETTABLE}
        )
        if state.when_below_cents is None and not asked:
            return state
        return _charge_where_due(run, state, claimant_of(msgspec.structs.asdict(inputs)))

    def delete(self, run: Run, state: BalanceTopUpState) -> None:
        """Forget it, and say that nothing is paid back."""
        if state.total_charged_cents:
            run.messages.warn(
                f"{state.resource_name!r} is removed from the stack; the "
                f"{state.total_charged_cents} cents that it charged stay in the balance of "
                f"organization {state.org_id} and are not paid back."
            )
        with contextlib.suppress(JournalError):
            run.charge_journal.release(state.org_id, "/".join(state.identity))


def _check_creation(run: Run, check: InputCheck, news: Props) -> None:
    """Refuse a name or a key that another top-up has; say what will be charged."""
    claimant, identity = claimant_of(news), identity_of(news)
    other = run.charge_claims.new(identity, claimant)
    if other is not None:
        check.refuse("resource_name", why_name_is_taken(other))
        return
    amount, threshold = news.get("amount_cents"), news.get("when_below_cents")
    balance = run.balance.get()
    wanted = (
        wanted_charge(
            identity, 0, int(amount), news.get("triggers"), salt=None, org_id=balance.org_id
        )
        if isinstance(amount, int | float)
        else None
    )
    if isinstance(threshold, int | float):
        settled = wanted is not None and is_settled(run, wanted)
        if not settled and not _is_below(balance, threshold):
            return
    refusal = why_not_planned(run, claimant, wanted) if wanted is not None else None
    if refusal is not None:
        check.refuse("amount_cents", refusal)
    else:
        announce(run, claimant, amount, wanted, _condition(balance, threshold))


def _asks_for_charge(olds: Props, news: Props) -> bool:
    """Say whether a user changed what charges by itself, where no threshold decides."""
    return any(not same(olds.get(name), news.get(name)) for name in ("amount_cents", "triggers"))


def _next_charge(state: BalanceTopUpState, amount: object, triggers: object) -> Charge | None:
    """Return the next charge, as far as its amount and triggers are known."""
    if not isinstance(amount, int | float):
        return None
    return wanted_charge(
        state.identity,
        state.charges,
        int(amount),
        triggers,
        salt=state.key_salt,
        org_id=state.org_id,
    )


def _is_below(balance: Balance, threshold: float) -> bool:
    return cents_of(balance) < threshold


def _condition(balance: Balance, threshold: object) -> str:
    if not isinstance(threshold, int | float):
        return ""
    return (
        f", as the balance of {cents_of(balance):g} cents is below {threshold:g} (unless another "
        "charge raises it before this one's turn)"
    )


def _charge_where_due(run: Run, state: BalanceTopUpState, claimant: Claimant) -> BalanceTopUpState:
    """Charge, by threshold only where the balance is low at this very moment."""
    with one_charge_at_a_time(run, state.org_id):
        before = run.api.get_balance()
        wanted = _next_charge(state, state.amount_cents, state.triggers)
        if wanted is None:
            raise LifecycleError("not all of `triggers` is known, so nothing is charged")
        if not is_settled(run, wanted) and not _is_due(run, state, before):
            return state
        refusal = why_not_ours(run, claimant, wanted.key)
        if refusal is not None:
            raise LifecycleError(f"the charge {refusal}")
        after = charge(run, wanted, before)
        return _charged(run, state, wanted, before, after)


def _is_due(run: Run, state: BalanceTopUpState, balance: Balance) -> bool:
    """Say whether a charge that may be due is due; without a threshold, it is."""
    if state.when_below_cents is None:
        return True
    if not _is_below(balance, state.when_below_cents):
        return False
    if month_now(state.month, run.server_time()) is None:
        raise LifecycleError(
            "the server's answers have no date, so the month that monthly_limit_cents is for isn't "
            "known, and nothing is charged: see what stands between you and the server"
        )
    limit = state.monthly_limit_cents
    if limit is None or _month_total(run, state) + state.amount_cents > limit:
        _warn_of_limit(run, state, balance, limit or 0)
        return False
    return True


def _charged(
    run: Run, state: BalanceTopUpState, wanted: Charge, before: Balance, after: Balance
) -> BalanceTopUpState:
    server_time = run.server_time()
    now = run.clock() if server_time is None else server_time
    return with_salt(
        msgspec.structs.replace(
            state,
            org_id=after.org_id,
            charges=state.charges + 1,
            last_charge_cents=state.amount_cents,
            last_charged_at=int(now),
            total_charged_cents=state.total_charged_cents + state.amount_cents,
            month=_month(run, state),
            month_charged_cents=_month_total(run, state) + state.amount_cents,
            balance_before_cents=before.credit_balance_cents,
            balance_after_cents=after.credit_balance_cents,
            last_idempotency_key=wanted.key,
        )
    )


def _month(run: Run, state: BalanceTopUpState) -> str:
    return month_now(state.month, run.server_time()) or state.month


def _month_total(run: Run, state: BalanceTopUpState) -> int:
    return state.month_charged_cents if state.month == _month(run, state) else 0


def _warn_of_limit(run: Run, state: BalanceTopUpState, balance: Balance, limit: int) -> None:
    text = (
        f"The balance of {cents_of(balance):g} cents is low, and {state.resource_name!r} charges "
        f"nothing: {_month_total(run, state)} cents of monthly_limit_cents {limit} are used in "
        f"{_month(run, state)}."
    )
    if run.charge_claims.first_to_say(text):
        run.messages.warn(text)
