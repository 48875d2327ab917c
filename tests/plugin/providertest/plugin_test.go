// Tests of the plugin with providertest, as Pulumi tests its own providers.
//
// tests/plugin/test_providertest.py runs a copy of this folder. It sets the environment: the plugin,
// the two programs, and an emulator. It also writes the recorded state into the folder `recorded`.
package plugin

import (
	"os"
	"testing"

	"github.com/pulumi/providertest"
	"github.com/pulumi/providertest/optproviderupgrade"
	"github.com/pulumi/providertest/pulumitest"
	"github.com/pulumi/providertest/pulumitest/assertpreview"
	"github.com/pulumi/providertest/pulumitest/assertrefresh"
	"github.com/pulumi/providertest/pulumitest/optnewstack"
	"github.com/pulumi/providertest/pulumitest/opttest"
)

// The resources of each of the two programs, with the stack itself.
const resources = 5

func TestLifeCycle(t *testing.T) {
	program := start(t, "YAML_PROGRAM")
	if created := program.Preview(t).ChangeSummary["create"]; created != resources {
		t.Errorf("the preview creates %d resources", created)
	}
	program.Up(t)
	assertUnchanged(t, program)
	assertrefresh.HasNoChanges(t, program.Refresh(t))
	assertUnchanged(t, program)
	program.Destroy(t)
}

func TestUpgrade(t *testing.T) {
	program := start(t, "RECORDED_PROGRAM")
	// With the recorded state there, the recorded version isn't downloaded.
	recorded := optproviderupgrade.CacheDir("recorded")
	preview := providertest.PreviewProviderUpgrade(t, program, "parallel", "recorded", recorded)
	assertpreview.HasNoReplacements(t, preview)
	assertpreview.HasNoDeletes(t, preview)
	if same := preview.ChangeSummary["same"]; same != resources {
		t.Errorf("%d resources are unchanged:\n%s", same, preview.StdOut)
	}
}

// start returns a copy of a program, with a new stack and this checkout's plugin.
func start(t *testing.T, variable string) *pulumitest.PulumiTest {
	return pulumitest.NewPulumiTest(t, os.Getenv(variable),
		opttest.LocalProviderPath("parallel", os.Getenv("PLUGIN_FOLDER")),
		opttest.ConfigPassphrase(os.Getenv("PULUMI_CONFIG_PASSPHRASE")),
		opttest.NewStackOptions(optnewstack.DisableAutoDestroy()),
		opttest.SkipInstall(),
		opttest.DisableGrpcLog(),
		opttest.DisablePulumiVersionLog(),
	)
}

func assertUnchanged(t *testing.T, program *pulumitest.PulumiTest) {
	preview := program.Preview(t)
	assertpreview.HasNoChanges(t, preview)
	if same := preview.ChangeSummary["same"]; same != resources {
		t.Errorf("the preview shows %d resources", same)
	}
}
