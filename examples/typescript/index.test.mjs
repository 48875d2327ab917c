// Tests the program without Pulumi and without Parallel: npx tsc && node --test

import assert from "node:assert";
import { createRequire } from "node:module";
import test from "node:test";
import pulumi from "@pulumi/pulumi";

const APP_ID = "3a1f0c52-0000-4000-8000-000000000000";
const created = new Map();

await pulumi.runtime.setMocks({
    newResource({ type, name, inputs }) {
        created.set(name, { type, inputs });
        const outputs = type === "parallel:index:App" ? { appId: APP_ID } : { rawApiKey: `raw-${name}` };
        return { id: `${name}-id`, state: { ...inputs, ...outputs } };
    },
    call: () => ({ creditBalanceCents: 1234 }),
});

const program = createRequire(import.meta.url)("./bin/index.js");

/** Returns the value of an output, when everything that it comes from is created. */
function valueOf(output) {
    return new Promise((resolve) => output.apply(resolve));
}

test("both keys belong to the app", async () => {
    await valueOf(pulumi.all([program.ciKey, program.serviceKey]));
    assert.equal(created.get("ci").inputs.appId, APP_ID);
    assert.equal(created.get("service").inputs.appId, APP_ID);
});

test("the service's key rotates", async () => {
    assert.equal(await valueOf(program.serviceRawApiKey), "raw-service");
    assert.equal(created.get("service").inputs.rotateAfter, "30d");
});
