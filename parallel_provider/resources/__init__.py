"""The resources and data sources that programs use, with Pulumi's inputs and outputs.

Runs in the program's process, so it imports neither httpx nor pydantic. Data sources import them
when they are called. The resources' files have no `from __future__ import annotations`: Pulumi
reads the annotations for each resource, and would compile their texts each time.
"""

from __future__ import annotations

from parallel_provider.resources.api_key import ApiKey
from parallel_provider.resources.app import App
from parallel_provider.resources.balance_top_up import BalanceTopUp
from parallel_provider.resources.get_app import GetAppResult, get_app, get_app_output
from parallel_provider.resources.get_apps import GetAppsResult, get_apps, get_apps_output
from parallel_provider.resources.get_balance import (
    GetBalanceResult,
    get_balance,
    get_balance_output,
)
from parallel_provider.resources.rotating_api_key import RotatingApiKey

__all__ = [
    "ApiKey",
    "App",
    "BalanceTopUp",
    "GetAppResult",
    "GetAppsResult",
    "GetBalanceResult",
    "RotatingApiKey",
    "get_app",
    "get_app_output",
    "get_apps",
    "get_apps_output",
    "get_balance",
    "get_balance_output",
]
