// A test without Pulumi and without Parallel: go test
//
// Give RunErr the function that your main.go gives to pulumi.Run. Here a small one stands for it.
package main

import (
	"testing"

	"github.com/your-org/parallel-provider/sdk/go/parallel"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func program(ctx *pulumi.Context) error {
	app, err := parallel.NewApp(ctx, "search", nil)
	if err != nil {
		return err
	}
	_, err = parallel.NewRotatingApiKey(ctx, "service", &parallel.RotatingApiKeyArgs{
		AppId:       app.AppId,
		RotateAfter: pulumi.String("30d"),
	})
	return err
}

// mocks keeps the inputs of all resources by their names.
type mocks map[string]resource.PropertyMap

func (m mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	m[args.Name] = args.Inputs
	outputs := args.Inputs.Copy()
	if args.TypeToken == "parallel:index:App" {
		outputs["appId"] = resource.NewStringProperty("app-id")
	}
	return args.Name + "-id", outputs, nil
}

func (m mocks) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

func TestServiceHasAKeyOfTheAppThatRotates(t *testing.T) {
	created := mocks{}
	if err := pulumi.RunErr(program, pulumi.WithMocks("shop", "test", created)); err != nil {
		t.Fatal(err)
	}
	service := created["service"]
	if appID := service["appId"].StringValue(); appID != "app-id" {
		t.Errorf("the key belongs to %s", appID)
	}
	if age := service["rotateAfter"].StringValue(); age != "30d" {
		t.Errorf("the key rotates after %s", age)
	}
}
