import pulumi

import parallel_provider as parallel

app = parallel.get_app(app_name="parallel-cli Users")

pulumi.export("app_id", app.app_id)
