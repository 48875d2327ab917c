"""What a top-up is told and what is kept of it, and what its idempotency keys are made of."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec

from parallel_provider.lifecycle.charge_claims import Claimant
from parallel_provider.lifecycle.resource import Model, Props, State


class BalanceTopUpInputs(Model, frozen=True, kw_only=True):
    """What a user says of a top-up; `organization` and what follows come from the program."""

    amount_cents: int
    when_below_cents: int | None = None
    monthly_limit_cents: int | None = None
    triggers: Any = None
    organization: str
    project: str
    stack: str
    resource_name: str
    parent_types: str | None = None


class BalanceTopUpState(State, frozen=True, kw_only=True):
    """What was charged so far.

    `month` is a UTC calendar month ("2026-11"), and `month_charged_cents` what was charged in it;
    times are epoch seconds. `organization` to `parent_types` are those at creation: a rename must
    not make for another idempotency key. `parent_types` are the types of the parents, as in the
    URN. `key_salt` is random: each charge after the first has a key that no other resource has.
    """

    amount_cents: int
    when_below_cents: int | None = None
    monthly_limit_cents: int | None = None
    triggers: Any = None
    organization: str
    project: str
    stack: str
    resource_name: str
    parent_types: str | None = None
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
    key_salt: str | None = None

    @property
    def identity(self) -> tuple[str, ...]:
        """What the idempotency keys are made of, besides the reason of each charge."""
        return identity_of(msgspec.structs.asdict(self))

    @property
    def resource_id(self) -> str:
        """The names it was created under."""
        return "/".join((self.organization, self.project, self.stack, self.resource_name))


def claimant_of(news: Props) -> Claimant:
    """Return the top-up as the program declares it now."""
    return Claimant(str(news.get("parent_types") or ""), str(news.get("resource_name")))


def identity_of(names: Props) -> tuple[str, ...]:
    """Return the names that keys are made of; states of earlier versions have no `parent_types`."""
    parts = ("organization", "project", "stack", "resource_name", "parent_types")
    return tuple(str(names[part]) for part in parts if names.get(part))


def with_salt(state: BalanceTopUpState) -> BalanceTopUpState:
    """Let the next charges have keys of their own; those that may be under way keep theirs."""
    if state.key_salt is not None:
        return state
    return msgspec.structs.replace(state, key_salt=secrets.token_hex(16))
