package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		found, err := parallel.GetApps(ctx)
		if err != nil {
			return err
		}

		names := pulumi.StringArray{}
		for _, app := range found.Apps {
			names = append(names, pulumi.String(app.AppName))
		}
		ctx.Export("names", names)
		return nil
	})
}
