package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		balance := parallel.GetBalanceOutput(ctx)

		ctx.Export("balanceCents", balance.CreditBalanceCents())
		return nil
	})
}
