"""A first program: an app, a key that is replaced each quarter, and a key that rotates by age.

pulumi config set appName web-search    # changes the name in the Parallel console
pulumi config set quarter 2027Q1        # creates a new `ci` key, then revokes the old one
"""

import pulumi

import parallel_provider as parallel

config = pulumi.Config()

app = parallel.App("search", app_name=config.get("appName"))

# Any change of `triggers` replaces the key.
ci = parallel.ApiKey(
    "ci", app_id=app.app_id, triggers={"quarter": config.get("quarter") or "2026Q4"}
)

# The first run after 30 days rotates this key. The previous key works for two more days.
service = parallel.RotatingApiKey("service", app_id=app.app_id, rotate_after="30d", overlap="2d")

pulumi.export("app_id", app.app_id)
pulumi.export("organization", app.org_name)
pulumi.export("balance_cents", parallel.get_balance_output().credit_balance_cents)
pulumi.export("ci_key", ci.display_value)
pulumi.export("ci_raw_api_key", ci.raw_api_key)  # always a secret
pulumi.export("service_key", service.display_value)
pulumi.export("service_raw_api_key", service.raw_api_key)
