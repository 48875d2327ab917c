"""Types that users' programs rely on. mypy checks this file with the tests; nothing runs it.

Each `assert_type` checks a public type. Each `type: ignore` marks a mistake that mypy must find: if
it doesn't, it reports an unused ignore.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pulumi
from typing_extensions import assert_type

import parallel_provider as parallel


def program() -> None:
    """Declare each type of resource, with values and with outputs."""
    app = parallel.App("search")
    assert_type(app.app_id, pulumi.Output[str])
    assert_type(app.org_name, pulumi.Output[str])
    parallel.App("b", app_name=app.app_name, adopt_existing=pulumi.Output.from_input(True))
    parallel.App("c", existing_app_id=app.app_id, opts=pulumi.ResourceOptions(protect=True))
    assert_type(parallel.App.get("shared", app.app_id), parallel.App)

    key = parallel.ApiKey("ci", app_id=app.app_id, triggers={"quarter": ["2026Q4", 1, None]})
    assert_type(key.raw_api_key, pulumi.Output[str])
    assert_type(key.created_at, pulumi.Output[int])
    assert_type(key.triggers, pulumi.Output[Any])

    svc = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d", overlap="2d")
    parallel.RotatingApiKey("svc2", app_id=app.app_id, rotate_after=timedelta(days=30))
    assert_type(svc.raw_api_key, pulumi.Output[str])
    assert_type(svc.generation, pulumi.Output[int])
    assert_type(svc.previous_raw_api_key, pulumi.Output[str | None])
    svc.keys_to_revoke.apply(lambda keys: [key["api_key_name"] for key in keys])
    svc.keys_to_revoke.apply(lambda keys: keys[0]["name"])  # type: ignore[typeddict-item]

    credit = parallel.BalanceTopUp(
        "credit", amount_cents=2_000, when_below_cents=500, monthly_limit_cents=10_000
    )
    assert_type(credit.charges, pulumi.Output[int])
    assert_type(credit.last_charged_at, pulumi.Output[int | None])
    assert_type(credit.balance_after_cents, pulumi.Output[float | None])


def questions(app_id: pulumi.Output[str]) -> None:
    """Call all data sources."""
    assert_type(parallel.get_balance(), parallel.GetBalanceResult)
    assert_type(parallel.get_balance().credit_balance_cents, float)
    assert_type(parallel.get_balance_output(), pulumi.Output[parallel.GetBalanceResult])
    assert_type(parallel.get_apps().apps[0].app_name, str)
    assert_type(parallel.get_apps_output(), pulumi.Output[parallel.GetAppsResult])
    assert_type(parallel.get_app(app_name="search"), parallel.GetAppResult)
    assert_type(parallel.get_app_output(app_id=app_id), pulumi.Output[parallel.GetAppResult])


def mistakes(app: parallel.App) -> None:
    """Make mistakes that mypy must find."""
    parallel.App("a", "search")  # type: ignore[call-arg]
    parallel.App("a", app_name=5)  # type: ignore[arg-type]
    parallel.App("a", name="search")  # type: ignore[call-arg]
    parallel.ApiKey("ci")  # type: ignore[call-arg]
    parallel.ApiKey("ci", app_id=app)  # type: ignore[arg-type]
    parallel.RotatingApiKey("svc", app_id=app.app_id)  # type: ignore[call-arg]
    parallel.BalanceTopUp("credit", amount_cents="2000")  # type: ignore[arg-type]
    parallel.get_app("search")  # type: ignore[call-arg]
    app.raw_api_key  # type: ignore[attr-defined] # noqa: B018
