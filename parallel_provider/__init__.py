"""Declare Parallel apps, API keys and prepaid balance in a Pulumi program.

    import parallel_provider as parallel

    app = parallel.App("search")
    key = parallel.ApiKey("ci", app_id=app.app_id)

A name is loaded when it is first used, so the command line and programs that only catch errors load
no more than they need. `parallel_provider.errors` shows the tree of the errors.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from parallel_provider.version import __version__ as __version__

if TYPE_CHECKING:
    from parallel_provider.errors import (
        AnswerError,
        ApiError,
        AuthenticationError,
        CommandError,
        ConnectionFailedError,
        CredentialsError,
        HeldElsewhereError,
        InternalError,
        JournalError,
        LifecycleError,
        LostKeyError,
        NoAnswerError,
        NoSignInFileError,
        NotConfiguredError,
        NotFoundError,
        OAuthError,
        ParallelError,
        PaymentRequiredError,
        PermissionDeniedError,
        RateLimitedError,
        ResourceError,
        ServerError,
        SettingsError,
        SignInUnavailableError,
        StatusError,
        UnknownChargeError,
        UserFolderError,
        ValidationFailedError,
        WrongOrganizationError,
    )
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
    "AnswerError",
    "ApiError",
    "ApiKey",
    "App",
    "AuthenticationError",
    "BalanceTopUp",
    "CommandError",
    "ConnectionFailedError",
    "CredentialsError",
    "GetAppResult",
    "GetAppsResult",
    "GetBalanceResult",
    "HeldElsewhereError",
    "InternalError",
    "JournalError",
    "LifecycleError",
    "LostKeyError",
    "NoAnswerError",
    "NoSignInFileError",
    "NotConfiguredError",
    "NotFoundError",
    "OAuthError",
    "ParallelError",
    "PaymentRequiredError",
    "PermissionDeniedError",
    "RateLimitedError",
    "ResourceError",
    "RotatingApiKey",
    "ServerError",
    "SettingsError",
    "SignInUnavailableError",
    "StatusError",
    "UnknownChargeError",
    "UserFolderError",
    "ValidationFailedError",
    "WrongOrganizationError",
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
    module = "errors" if name.endswith("Error") else "resources"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
