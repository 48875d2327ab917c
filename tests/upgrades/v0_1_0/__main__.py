"""The quickstart of 0.1.0, with a top-up, so that every resource is in the state beside this file.

It stays as it is: it stands for the programs that people wrote for that version.
"""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search", app_name=config.get("appName"))
ci = parallel.ApiKey(
    "ci", app_id=app.app_id, triggers={"quarter": config.get("quarter") or "2026Q4"}
)
service = parallel.RotatingApiKey("service", app_id=app.app_id, rotate_after="30d", overlap="2d")
parallel.BalanceTopUp("credit", amount_cents=2_000)

pulumi.export("app_id", app.app_id)
pulumi.export("organization", app.org_name)
pulumi.export("balance_cents", parallel.get_balance_output().credit_balance_cents)
pulumi.export("ci_key", ci.display_value)
pulumi.export("ci_raw_api_key", ci.raw_api_key)
pulumi.export("service_key", service.display_value)
pulumi.export("service_raw_api_key", service.raw_api_key)
