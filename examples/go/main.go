// A first program: an app, a key that is replaced each quarter, and a key that rotates by age.
//
//	pulumi config set appName web-search    # changes the name in the Parallel console
//	pulumi config set quarter 2027Q1        # creates a new `ci` key, then revokes the old one
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
	"github.com/your-org/parallel-provider/sdk/go/parallel"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		quarter := config.Get(ctx, "quarter")
		if quarter == "" {
			quarter = "2026Q4"
		}
		appArgs := &parallel.AppArgs{}
		if name := config.Get(ctx, "appName"); name != "" {
			appArgs.AppName = pulumi.String(name)
		}
		app, err := parallel.NewApp(ctx, "search", appArgs)
		if err != nil {
			return err
		}

		// Any change of `triggers` replaces the key.
		ci, err := parallel.NewApiKey(ctx, "ci", &parallel.ApiKeyArgs{
			AppId:    app.AppId,
			Triggers: pulumi.StringMap{"quarter": pulumi.String(quarter)},
		})
		if err != nil {
			return err
		}

		// The first run after 30 days rotates this key. The previous key works for two more days.
		service, err := parallel.NewRotatingApiKey(ctx, "service", &parallel.RotatingApiKeyArgs{
			AppId:       app.AppId,
			RotateAfter: pulumi.String("30d"),
			Overlap:     pulumi.String("2d"),
		})
		if err != nil {
			return err
		}

		// What needs the key gets it as an input: a function, a container or a secret of Kubernetes.
		// This stash stands for it, as it needs no cloud. The run that rotates the key updates it.
		_, err = pulumi.NewStash(ctx, "worker", &pulumi.StashArgs{
			Input: pulumi.StringMap{"PARALLEL_API_KEY": service.RawApiKey},
		})
		if err != nil {
			return err
		}

		ctx.Export("appId", app.AppId)
		ctx.Export("organization", app.OrgName)
		ctx.Export("balanceCents", parallel.GetBalanceOutput(ctx).CreditBalanceCents())
		ctx.Export("ciKey", ci.DisplayValue)
		ctx.Export("ciRawApiKey", ci.RawApiKey) // always a secret
		ctx.Export("serviceKey", service.DisplayValue)
		ctx.Export("serviceRawApiKey", service.RawApiKey)
		return nil
	})
}
