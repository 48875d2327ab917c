package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		app := parallel.LookupAppOutput(ctx, parallel.LookupAppOutputArgs{
			AppName: pulumi.String("parallel-cli Users"),
		})

		ctx.Export("appId", app.AppId())
		return nil
	})
}
