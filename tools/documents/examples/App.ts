import * as parallel from "@your-org/parallel";

const app = new parallel.App("search", {}, { protect: true });

// An app that somebody made in the console: managed from now on, and never created.
const legacy = new parallel.App("legacy", { appName: "parallel-cli Users", adoptExisting: true });

export const appId = app.appId;
