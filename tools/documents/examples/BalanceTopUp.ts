import * as parallel from "@your-org/parallel";

// Needs `pulumi config set parallel:maxTopUpCents 2000`: without it, nothing is charged.
const credit = new parallel.BalanceTopUp("credit", {
    amountCents: 2000,
    whenBelowCents: 500,
    monthlyLimitCents: 10000,
});

export const chargedThisMonthCents = credit.monthChargedCents;
