import * as parallel from "@your-org/parallel";

const found = parallel.getAppsOutput();

export const names = found.apps.apply((apps) => apps.map((app) => app.appName).sort());
