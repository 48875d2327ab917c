import * as parallel from "@your-org/parallel";

const app = new parallel.App("search");

// The first `pulumi up` after 30 days makes a new key. The old one works for two days more.
const key = new parallel.RotatingApiKey("svc", {
    appId: app.appId,
    rotateAfter: "30d",
    overlap: "2d",
});

export const rawApiKey = key.rawApiKey; // a secret
export const nextRotationAt = key.nextRotationAt;
