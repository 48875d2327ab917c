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

		// The first `pulumi up` after 30 days makes a new key. The old one works for two days more.
		key, err := parallel.NewRotatingApiKey(ctx, "svc", &parallel.RotatingApiKeyArgs{
			AppId:       app.AppId,
			RotateAfter: pulumi.String("30d"),
			Overlap:     pulumi.String("2d"),
		})
		if err != nil {
			return err
		}

		ctx.Export("rawApiKey", key.RawApiKey) // a secret
		ctx.Export("nextRotationAt", key.NextRotationAt)
		return nil
	})
}
