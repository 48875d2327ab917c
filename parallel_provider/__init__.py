"""Declare Parallel apps, API keys and prepaid balance in a Pulumi program.

    import parallel_provider as parallel

    app = parallel.App("search")
    key = parallel.ApiKey("ci", app_id=app.app_id)

The names are loaded when one of them is first used: the command line, which imports this module
too, doesn't wait for Pulumi's SDK.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from parallel_provider.version import __version__ as __version__

if TYPE_CHECKING:
    from parallel_provider.resources import (
        ApiKey,
        App,
        BalanceTopUp,
        GetAppResult,
        GetAppsResult,
        GetBalanceResult,
        RotatingApiKey,
        get_app,
        get_app_output,
        get_apps,
        get_apps_output,
        get_balance,
        get_balance_output,
    )

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


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("parallel_provider.resources"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
