package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		app, err := parallel.NewApp(ctx, "search", nil, pulumi.Protect(true))
		if err != nil {
			return err
		}

		// An app that somebody made in the console: managed from now on, and never created.
		_, err = parallel.NewApp(ctx, "legacy", &parallel.AppArgs{
			AppName:       pulumi.String("parallel-cli Users"),
			AdoptExisting: pulumi.Bool(true),
		})
		if err != nil {
			return err
		}

		ctx.Export("appId", app.AppId)
		return nil
	})
}
