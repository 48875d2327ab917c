"""A first program: an app, a key replaced every quarter, and a key that renews itself.

pulumi config set appName web-search    # another name in the Parallel console
pulumi config set quarter 2027Q1        # a new `ci` key, before the old one is revoked
"""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search", app_name=config.get("appName"))

# A change of `triggers` replaces the key, whatever stands in them.
ci = parallel.ApiKey(
    "ci", app_id=app.app_id, triggers={"quarter": config.get("quarter") or "2026Q4"}
)

# The first run after 30 days renews this one; the key before it works for two days more.
service = parallel.RotatingApiKey("service", app_id=app.app_id, rotate_after="30d", overlap="2d")

pulumi.export("app_id", app.app_id)
pulumi.export("organization", app.org_name)
pulumi.export("balance_cents", parallel.get_balance_output().credit_balance_cents)
pulumi.export("ci_key", ci.display_value)
pulumi.export("ci_raw_api_key", ci.raw_api_key)  # a secret, without being told
pulumi.export("service_key", service.display_value)
pulumi.export("service_raw_api_key", service.raw_api_key)
