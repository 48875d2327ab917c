"""BalanceTopUp: prepaid balance, charged to the organization's card."""

from typing import Any

import pulumi

from parallel_provider.resources._resource import ParallelResource, parent_types


class BalanceTopUp(ParallelResource, module="parallel", name="BalanceTopUp"):
    """A charge to the organization's card that tops up its prepaid balance. Spends real money.

    Nothing is charged unless the stack's `parallel:maxTopUpCents` (or PARALLEL_MAX_TOP_UP_CENTS)
    allows the amount. Without `when_below_cents` it charges once when it is created, and once each
    time `amount_cents` or `triggers` change. With it, it charges in any run that finds the balance
    below it, up to `monthly_limit_cents` in a UTC calendar month, and a change of `triggers` alone
    charges nothing.

    Preview, refresh, destroy, renames by `aliases` and upgrades never charge. All attempts at one
    charge use one idempotency key, across crashes and runs.

    API: GET /service/v1/balance, POST /service/v1/balance/add.
    """

    amount_cents: pulumi.Output[int]
    """The amount of one charge, in US cents."""
    when_below_cents: pulumi.Output[int | None]
    """The balance, in cents, below which it charges."""
    monthly_limit_cents: pulumi.Output[int | None]
    """The most that it charges in a UTC calendar month, in cents."""
    triggers: pulumi.Output[Any]
    """What was given as `triggers`."""
    org_id: pulumi.Output[str]
    """The organization whose balance it tops up."""
    charges: pulumi.Output[int]
    """The number of charges so far."""
    last_charge_cents: pulumi.Output[int | None]
    """The last charge, in cents."""
    last_charged_at: pulumi.Output[int | None]
    """The time of the last charge, in epoch seconds."""
    total_charged_cents: pulumi.Output[int]
    """All charges so far, in cents."""
    month: pulumi.Output[str]
    """The UTC calendar month of `month_charged_cents`, such as "2026-11"."""
    month_charged_cents: pulumi.Output[int]
    """The charges in that month, in cents."""
    balance_before_cents: pulumi.Output[float | None]
    """The balance before the last charge, in cents."""
    balance_after_cents: pulumi.Output[float | None]
    """The balance after the last charge, in cents."""
    last_idempotency_key: pulumi.Output[str | None]
    """The idempotency key of the last charge. A secret, since `triggers` is a part of it."""

    # With a plain key, a secret in the triggers could be guessed.
    _secret_outputs = ("last_idempotency_key",)
    _instead_of_import = "there is nothing to take over, as the API reads no charges"

    def __init__(
        self,
        resource_name: str,
        *,
        amount_cents: pulumi.Input[int],
        when_below_cents: pulumi.Input[int] | None = None,
        monthly_limit_cents: pulumi.Input[int] | None = None,
        triggers: pulumi.Input[Any] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a top-up.

        :param resource_name: the name within the program.
        :param amount_cents: the amount of one charge, 1 to 10000 US cents.
        :param when_below_cents: charge in any run that finds the balance below this.
        :param monthly_limit_cents: the most to charge in a UTC calendar month; required with
            `when_below_cents`. Beyond it nothing is charged, and a warning says so.
        :param triggers: any JSON-like value; without `when_below_cents`, a change of it charges.
        :param opts: Pulumi's resource options.
        """
        super().__init__(
            resource_name,
            {
                "amount_cents": amount_cents,
                "when_below_cents": when_below_cents,
                "monthly_limit_cents": monthly_limit_cents,
                "triggers": triggers,
                # Parts of the idempotency key. The provider's process doesn't know them.
                "organization": pulumi.get_organization(),
                "project": pulumi.get_project(),
                "stack": pulumi.get_stack(),
                "resource_name": resource_name,
                "parent_types": parent_types(opts.parent if opts is not None else None),
            },
            opts,
        )
