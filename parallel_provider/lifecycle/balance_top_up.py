"""BalanceTopUp: prepaid balance, charged to the organization's card. /service/v1/balance."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

import msgspec

from parallel_provider.lifecycle.charge import (
    MAX_AMOUNT_CENTS,
    MIN_AMOUNT_CENTS,
    charge,
    idempotency_key,
    why_invoiced,
    why_not_allowed,
)
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import WrongOrganizationError
from parallel_provider.lifecycle.resource import Checked, Diff, Lifecycle, Model, Props, State, same
from parallel_provider.lifecycle.run import Run


class BalanceTopUpInputs(Model, frozen=True, kw_only=True):
    """What a user says of a top-up; `organization` to `resource_name` come from the program."""

    amount_cents: int
    when_below_cents: int | None = None
    monthly_limit_cents: int | None = None
    triggers: Any = None
    organization: str
    project: str
    stack: str
    resource_name: str


class BalanceTopUpState(State, frozen=True, kw_only=True):
    """What was charged so far.

    `month` is a UTC calendar month ("2026-11"), and `month_charged_cents` what was charged in it;
    times are epoch seconds. `organization` to `resource_name` are those at creation: a rename must
    not make for another idempotency key.
    """

    amount_cents: int
    when_below_cents: int | None = None
    monthly_limit_cents: int | None = None
    triggers: Any = None
    organization: str
    project: str
    stack: str
    resource_name: str
    org_id: str
    charges: int = 0
    last_charge_cents: int | None = None
    last_charged_at: int | None = None
    total_charged_cents: int = 0
    month: str
    month_charged_cents: int = 0
    balance_before_cents: float | None = None
    balance_after_cents: float | None = None
    last_idempotency_key: str | None = None

    @property
    def resource_id(self) -> str:
        """The names it was created under."""
        return "/".join((self.organization, self.project, self.stack, self.resource_name))


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
        return check.result()

    def diff(self, run: Run, state: BalanceTopUpState, news: Props) -> Diff:
        """Say whether something was changed, or the balance is low; neither needs a new one."""
        changed = any(not same(getattr(state, name), news.get(name)) for name in _SETTABLE)
        threshold, amount = news.get("when_below_cents"), news.get("amount_cents")
        if isinstance(threshold, int | float) and isinstance(amount, int | float):
            balance = run.balance.get().credit_balance_cents
            if balance < threshold:
                limit = news.get("monthly_limit_cents")
                if isinstance(limit, int | float) and _month_total(run, state) + amount > limit:
                    _warn_of_limit(run, state, balance, int(limit))
                else:
                    run.messages.info(
                        f"The balance of {balance:g} cents is below {threshold:g}: "
                        f"{state.resource_name!r} is due to charge {amount:g} cents."
                    )
                    changed = True
        return Diff(changed=changed)

    def create(self, run: Run, inputs: BalanceTopUpInputs) -> BalanceTopUpState:
        """Charge for the first time, or, by threshold, where the balance is low."""
        run.require_allowed_organization()
        state = BalanceTopUpState(
            **msgspec.structs.asdict(inputs), org_id=run.balance.get().org_id, month=_month(run)
        )
        if inputs.when_below_cents is None or _is_due(run, state):
            state = _charge(run, state)
        return state

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
        if _is_due(run, state) if state.when_below_cents is not None else asked:
            _require_same_card(run, state)
            state = _charge(run, state)
        return state

    def delete(self, run: Run, state: BalanceTopUpState) -> None:
        """Forget it, and say that nothing is paid back."""
        if state.total_charged_cents:
            run.messages.warn(
                f"{state.resource_name!r} is removed from the stack; the "
                f"{state.total_charged_cents} cents that it charged stay in the balance of "
                f"organization {state.org_id} and are not paid back."
            )


def _asks_for_charge(olds: Props, news: Props) -> bool:
    """Say whether a user changed what charges by itself, where no threshold decides."""
    return any(not same(olds.get(name), news.get(name)) for name in ("amount_cents", "triggers"))


def _require_same_card(run: Run, state: BalanceTopUpState) -> None:
    """Refuse to charge another organization than so far: another token isn't the user's wish."""
    actual = run.balance.get().org_id
    if actual != state.org_id:
        raise WrongOrganizationError(
            f"it belongs to organization {state.org_id!r}, and the access token to {actual!r}, "
            "whose card it won't charge: use a token of the right organization, or declare a "
            "top-up of another name for this one"
        )


def _is_due(run: Run, state: BalanceTopUpState) -> bool:
    """Look at the balance as it is now, just before a charge."""
    balance = run.api.get_balance().credit_balance_cents
    if state.when_below_cents is None or balance >= state.when_below_cents:
        return False
    limit = state.monthly_limit_cents
    if limit is None or _month_total(run, state) + state.amount_cents > limit:
        _warn_of_limit(run, state, balance, limit or 0)
        return False
    return True


def _charge(run: Run, state: BalanceTopUpState) -> BalanceTopUpState:
    identity = (state.organization, state.project, state.stack, state.resource_name)
    key = idempotency_key(identity, state.charges, state.amount_cents, state.triggers)
    before, after = charge(run, state.amount_cents, key)
    return msgspec.structs.replace(
        state,
        org_id=after.org_id,
        charges=state.charges + 1,
        last_charge_cents=state.amount_cents,
        last_charged_at=int(run.clock()),
        total_charged_cents=state.total_charged_cents + state.amount_cents,
        month=_month(run),
        month_charged_cents=_month_total(run, state) + state.amount_cents,
        balance_before_cents=before.credit_balance_cents,
        balance_after_cents=after.credit_balance_cents,
        last_idempotency_key=key,
    )


def _month(run: Run) -> str:
    return datetime.fromtimestamp(run.clock(), tz=timezone.utc).strftime("%Y-%m")


def _month_total(run: Run, state: BalanceTopUpState) -> int:
    return state.month_charged_cents if state.month == _month(run) else 0


def _warn_of_limit(run: Run, state: BalanceTopUpState, balance: float, limit: int) -> None:
    run.messages.warn(
        f"The balance of {balance:g} cents is low, and {state.resource_name!r} charges nothing: "
        f"{_month_total(run, state)} cents of monthly_limit_cents {limit} are used in "
        f"{_month(run)}."
    )
