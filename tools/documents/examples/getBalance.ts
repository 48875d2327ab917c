import * as parallel from "@your-org/parallel";

const balance = parallel.getBalanceOutput();

export const balanceCents = balance.creditBalanceCents;
