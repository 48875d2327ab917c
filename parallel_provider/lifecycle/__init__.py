"""All resources and functions, and what each of them does.

Knows the Account API's client and the rules of each resource. Knows nothing of Pulumi's SDK, of its
wire format or of HTTP, so that a dynamic provider and a native plugin can use the same code. A
resource has one file, which reads from its inputs to its deletion.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parallel_provider.lifecycle.functions import Function
    from parallel_provider.lifecycle.resource import Lifecycle

RESOURCES = {
    "App": "app",
    "ApiKey": "keys",
    "RotatingApiKey": "keys",
    "BalanceTopUp": "balance_top_up",
}
"""Every kind of resource, and the module of its lifecycle. Most programs need one or two."""

FUNCTIONS = ("getApp", "getApps", "getBalance")
"""Every function, by the name that Pulumi uses in all languages."""


def lifecycle_of(kind: str) -> Lifecycle[Any, Any]:
    """Return the lifecycle of a kind of resource, such as "ApiKey"."""
    module = importlib.import_module(f"{__name__}.{RESOURCES[kind]}")
    lifecycle: Lifecycle[Any, Any] = getattr(module, f"{kind}Lifecycle")()
    return lifecycle


def function_of(name: str) -> Function:
    """Return a function, such as "getBalance"."""
    from parallel_provider.lifecycle import functions  # noqa: PLC0415 - most programs call none

    return functions.FUNCTIONS[name]
