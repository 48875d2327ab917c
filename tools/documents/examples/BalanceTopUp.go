package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		// Needs `pulumi config set parallel:maxTopUpCents 2000`: without it, nothing is charged.
		credit, err := parallel.NewBalanceTopUp(ctx, "credit", &parallel.BalanceTopUpArgs{
			AmountCents:       pulumi.Int(2000),
			WhenBelowCents:    pulumi.Int(500),
			MonthlyLimitCents: pulumi.Int(10000),
		})
		if err != nil {
			return err
		}

		ctx.Export("chargedThisMonthCents", credit.MonthChargedCents)
		return nil
	})
}
