// A first program: an app, a key that is replaced each quarter, and a key that rotates by age.
//
// pulumi config set appName web-search    # changes the name in the Parallel console
// pulumi config set quarter 2027Q1        # creates a new `ci` key, then revokes the old one

import * as parallel from "@your-org/parallel";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

const app = new parallel.App("search", { appName: config.get("appName") });

// Any change of `triggers` replaces the key.
const ci = new parallel.ApiKey("ci", {
    appId: app.appId,
    triggers: { quarter: config.get("quarter") ?? "2026Q4" },
});

// The first run after 30 days rotates this key. The previous key works for two more days.
const service = new parallel.RotatingApiKey("service", {
    appId: app.appId,
    rotateAfter: "30d",
    overlap: "2d",
});

// What needs the key gets it as an input: a function, a container or a secret of Kubernetes. This
// stash stands for it, as it needs no cloud. The run that rotates the key updates it.
const environment: Record<string, pulumi.Input<string>> = { PARALLEL_API_KEY: service.rawApiKey };
new pulumi.Stash("worker", { input: environment });

export const appId = app.appId;
export const organization = app.orgName;
export const balanceCents = parallel.getBalanceOutput().creditBalanceCents;
export const ciKey = ci.displayValue;
export const ciRawApiKey = ci.rawApiKey; // always a secret
export const serviceKey = service.displayValue;
export const serviceRawApiKey = service.rawApiKey;
