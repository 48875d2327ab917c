import pulumi

import parallel_provider as parallel

# Needs `pulumi config set parallel:maxTopUpCents 2000`: without it, nothing is charged.
credit = parallel.BalanceTopUp(
    "credit", amount_cents=2_000, when_below_cents=500, monthly_limit_cents=10_000
)

pulumi.export("charged_this_month_cents", credit.month_charged_cents)
