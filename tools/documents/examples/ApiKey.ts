import * as parallel from "@your-org/parallel";

const app = new parallel.App("search");

// A new key each quarter: the old one is revoked at the end of the run.
const key = new parallel.ApiKey("ci", { appId: app.appId, triggers: { quarter: "2026Q4" } });

export const rawApiKey = key.rawApiKey; // a secret
