"""The inputs and the state of a top-up, and the names that its idempotency keys are made of."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from parallel_provider.lifecycle.charge_registry import TopUpName
from parallel_provider.lifecycle.declarations import (
    Inputs,
    Internal,
    OnChange,
    Problem,
    Props,
    SecretOutput,
    State,
)
from parallel_provider.lifecycle.field_types import ChargeCents, JsonLike, PositiveCents
from parallel_provider.lifecycle.run import ResourceNames
from parallel_provider.model import Integer, Number
from parallel_provider.printable import field_name


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
    key_salt: Annotated[str | None, SecretOutput(), Internal()] = Field(
        default=None,
        description="A random text in the keys of later charges, which no other resource has.",
    )

    @property
    def identity(self) -> tuple[str, ...]:
        """The names that are a part of every idempotency key."""
        parts = (self.organization, self.project, self.stack, self.resource_name, self.parent_types)
        # States of earlier versions have no `parent_types`.
        return tuple(part for part in parts if part)

    @property
    def resource_id(self) -> str:
        """The names that it was created under."""
        return "/".join((self.organization, self.project, self.stack, self.resource_name))


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


def name_of(resource: ResourceNames) -> TopUpName:
    """Return the top-up's name in the program now."""
    return TopUpName(resource.parent_types, resource.name)


def new_identity(resource: ResourceNames) -> tuple[str, ...]:
    """Return the identity of a top-up that will be created."""
    parts = (
        resource.organization,
        resource.project,
        resource.stack,
        resource.name,
        resource.parent_types,
    )
    return tuple(part for part in parts if part)


def with_salt(state: BalanceTopUpState) -> BalanceTopUpState:
    """Return the state with a salt, so that the keys of the next charges belong to it alone.

    The key of a charge that may be under way stays the same: call this after the charge.
    """
    if state.key_salt is not None:
        return state
    return state.model_copy(update={"key_salt": secrets.token_hex(16)})
