"""BalanceTopUp: prepaid balance, charged to the organization's card. /service/v1/balance."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

from parallel_provider.api import Balance
from parallel_provider.errors import JournalError, LifecycleError
from parallel_provider.lifecycle.balance_top_up_state import (
    SET_BY_A_CHARGE,
    BalanceTopUpInputs,
    BalanceTopUpState,
    name_of,
    new_identity,
    with_salt,
)
from parallel_provider.lifecycle.charge import (
    Charge,
    cents_of,
    charge,
    one_charge_at_a_time,
    why_not_allowed,
)
from parallel_provider.lifecycle.charge_plan import (
    announce,
    first_charge,
    is_settled,
    month_now,
    month_of,
    wanted_charge,
    why_name_is_taken,
    why_no_prepaid_balance,
    why_not_ours,
    why_not_planned,
)
from parallel_provider.lifecycle.declarations import Checked, Problem, Props, changed_inputs, same
from parallel_provider.lifecycle.resource import Diff, Lifecycle
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.unknown import UNKNOWN
from parallel_provider.printable import field_name


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
                _refuse(checked, why_no_prepaid_balance(context, checked.inputs, is_new=not olds))
        if not olds and not checked.problems:
            _check_creation(context, checked)
        return checked

    def diff(self, context: Context, state: BalanceTopUpState, news: Props) -> Diff:
        """Compare inputs, and tell the user about a charge that is due. It is never replaced."""
        run, name = context.run, name_of(context.resource)
        other = run.charge_registry.note_existing(state.identity, name)
        if other is not None:
            raise LifecycleError(
                f"the new top-up {other} has the name that this one was created under, "
                f"{state.resource_name!r}, and one charge would be counted for both: give the new "
                "one another name"
            )
        updates = set(changed_inputs(self.inputs_type, state, news))
        threshold, amount = news.get("when_below_cents"), news.get("amount_cents")
        wanted = _next_charge(state, amount, news.get("triggers"))
        if isinstance(threshold, int | float) and isinstance(amount, int | float):
            balance = run.balance.get()
            settled = wanted is not None and is_settled(run, wanted)
            if settled or _is_below(balance, threshold):
                limit = news.get("monthly_limit_cents")
                total = _month_total(run, state)
                if not settled and isinstance(limit, int | float) and total + amount > limit:
                    _warn_of_limit(context, state, balance, int(limit))
                else:
                    refusal = why_not_planned(run, name, wanted) if wanted is not None else None
                    if refusal is None:
                        announce(context, amount, wanted, _condition(balance, threshold))
                    else:
                        # A refresh asks for a diff too, and charges nothing. The update raises.
                        context.warn(f"{name}: the next charge {refusal}.")
                    updates.add("when_below_cents")
        elif threshold is None and _asks_for_charge(dict(state), news):
            refusal = why_not_planned(run, name, wanted) if wanted is not None else None
            if refusal is not None:
                raise LifecycleError(f"the next charge {refusal}")
            announce(context, amount, wanted)
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
        run, resource = context.run, context.resource
        run.require_allowed_organization()
        name, identity = name_of(resource), new_identity(resource)
        other = run.charge_registry.note_new(identity, name)
        if other is not None:
            raise LifecycleError(f"its name {why_name_is_taken(other)}")
        org_id = run.balance.get().org_id
        server_time = run.server_time()
        state = BalanceTopUpState(
            **dict(inputs),
            organization=resource.organization,
            project=resource.project,
            stack=resource.stack,
            resource_name=resource.name,
            parent_types=resource.parent_types or None,
            org_id=org_id,
            month=month_of(run.clock() if server_time is None else server_time),
        )
        state = _charge_where_due(context, state)
        run.charge_registry.note_created(identity, name)
        return with_salt(state)

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
        with contextlib.suppress(JournalError):
            context.run.charge_journal.release(state.org_id, "/".join(state.identity))


def _refuse(checked: Checked, refusal: str | None, input_name: str = "amount_cents") -> None:
    if refusal is not None:
        checked.problems.append(Problem(input_name, refusal))


def _check_creation(context: Context, checked: Checked) -> None:
    """Refuse a name or a key that another top-up has; tell the user what will be charged."""
    run, news = context.run, checked.inputs
    name, identity = name_of(context.resource), new_identity(context.resource)
    other = run.charge_registry.note_new(identity, name)
    if other is not None:
        _refuse(checked, why_name_is_taken(other), "resource_name")
        return
    amount, threshold = news.get("amount_cents"), news.get("when_below_cents")
    balance = run.balance.get()
    wanted = first_charge(context, news, balance.org_id)
    if isinstance(threshold, int):
        settled = wanted is not None and is_settled(run, wanted)
        if not settled and not _is_below(balance, threshold):
            return
    refusal = why_not_planned(run, name, wanted) if wanted is not None else None
    if refusal is not None:
        _refuse(checked, refusal)
    else:
        announce(context, amount, wanted, _condition(balance, threshold))


def _asks_for_charge(olds: Props, news: Props) -> bool:
    """Return whether an input has changed whose change charges, if there is no threshold."""
    return any(not same(olds.get(name), news.get(name)) for name in ("amount_cents", "triggers"))


def _next_charge(state: BalanceTopUpState, amount: object, triggers: object) -> Charge | None:
    """Return the next charge; None if its amount or its triggers aren't known."""
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


def _charge_where_due(context: Context, state: BalanceTopUpState) -> BalanceTopUpState:
    """Charge; with a threshold, only if the balance is low now."""
    run, name = context.run, name_of(context.resource)
    with one_charge_at_a_time(run, state.org_id):
        before = run.api.get_balance()
        wanted = _next_charge(state, state.amount_cents, state.triggers)
        if wanted is None:
            raise LifecycleError("not all of `triggers` is known, so nothing is charged")
        if not is_settled(run, wanted) and not _is_due(context, state, before):
            return state
        refusal = why_not_ours(run, name, wanted.key)
        if refusal is not None:
            raise LifecycleError(f"the charge {refusal}")
        after = charge(context, wanted, before)
        return _charged(run, state, wanted, before, after)


def _is_due(context: Context, state: BalanceTopUpState, balance: Balance) -> bool:
    """Return whether to charge now. Without a threshold, that is always so."""
    if state.when_below_cents is None:
        return True
    if not _is_below(balance, state.when_below_cents):
        return False
    run = context.run
    if month_now(state.month, run.server_time()) is None:
        raise LifecycleError(
            "the server's answers have no date, so the month that "
            f"{field_name('monthly_limit_cents')} is for isn't known, and nothing is charged: see "
            "what stands between you and the server"
        )
    limit = state.monthly_limit_cents
    if limit is None or _month_total(run, state) + state.amount_cents > limit:
        _warn_of_limit(context, state, balance, limit or 0)
        return False
    return True


def _charged(
    run: Run, state: BalanceTopUpState, wanted: Charge, before: Balance, after: Balance
) -> BalanceTopUpState:
    server_time = run.server_time()
    now = run.clock() if server_time is None else server_time
    return with_salt(
        state.model_copy(
            update={
                "org_id": after.org_id,
                "charges": state.charges + 1,
                "last_charge_cents": state.amount_cents,
                "last_charged_at": int(now),
                "total_charged_cents": state.total_charged_cents + state.amount_cents,
                "month": _month(run, state),
                "month_charged_cents": _month_total(run, state) + state.amount_cents,
                "balance_before_cents": before.credit_balance_cents,
                "balance_after_cents": after.credit_balance_cents,
                "last_idempotency_key": wanted.key,
            }
        )
    )


def _month(run: Run, state: BalanceTopUpState) -> str:
    return month_now(state.month, run.server_time()) or state.month


def _month_total(run: Run, state: BalanceTopUpState) -> int:
    return state.month_charged_cents if state.month == _month(run, state) else 0


def _warn_of_limit(
    context: Context, state: BalanceTopUpState, balance: Balance, limit: int
) -> None:
    run = context.run
    context.warn(
        f"The balance of {cents_of(balance):g} cents is low, and {state.resource_name!r} charges "
        f"nothing: {_month_total(run, state)} cents of {field_name('monthly_limit_cents')} {limit} "
        f"are used in {_month(run, state)}.",
        once=True,
    )
