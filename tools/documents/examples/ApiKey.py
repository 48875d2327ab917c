import pulumi

import parallel_provider as parallel

app = parallel.App("search")

# A new key each quarter: the old one is revoked at the end of the run.
key = parallel.ApiKey("ci", app_id=app.app_id, triggers={"quarter": "2026Q4"})

pulumi.export("raw_api_key", key.raw_api_key)  # a secret
