package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		app, err := parallel.NewApp(ctx, "search", nil)
		if err != nil {
			return err
		}

		// A new key each quarter: the old one is revoked at the end of the run.
		key, err := parallel.NewApiKey(ctx, "ci", &parallel.ApiKeyArgs{
			AppId:    app.AppId,
			Triggers: pulumi.StringMap{"quarter": pulumi.String("2026Q4")},
		})
		if err != nil {
			return err
		}

		ctx.Export("rawApiKey", key.RawApiKey) // a secret
		return nil
	})
}
