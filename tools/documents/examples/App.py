import pulumi

import parallel_provider as parallel

app = parallel.App("search", opts=pulumi.ResourceOptions(protect=True))

# An app that somebody made in the console: managed from now on, and never created.
legacy = parallel.App("legacy", app_name="parallel-cli Users", adopt_existing=True)

pulumi.export("app_id", app.app_id)
