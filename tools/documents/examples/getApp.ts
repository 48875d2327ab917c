import * as parallel from "@your-org/parallel";

const app = parallel.getAppOutput({ appName: "parallel-cli Users" });

export const appId = app.appId;
