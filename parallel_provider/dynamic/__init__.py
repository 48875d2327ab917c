"""The provider for the SDK's dynamic-provider protocol.

Only this layer knows `DiffResult`, the SDK's unknown values and the provider's process. The state
of every resource has its provider as a pickle, with the names of this module and of the class. So
no name in this file may change: that would break users' stacks, and a test checks it. The classes
have no attributes, since these would be a part of the pickle.

Every program imports this module. So it imports what is large only when the provider's process
first uses it.
"""

from __future__ import annotations

from parallel_provider.dynamic._provider import Provider


class AppProvider(Provider):
    """Provides App."""

    kind = "App"


class ApiKeyProvider(Provider):
    """Provides ApiKey."""

    kind = "ApiKey"


class RotatingApiKeyProvider(Provider):
    """Provides RotatingApiKey."""

    kind = "RotatingApiKey"


class BalanceTopUpProvider(Provider):
    """Provides BalanceTopUp."""

    kind = "BalanceTopUp"


__all__ = ["ApiKeyProvider", "AppProvider", "BalanceTopUpProvider", "RotatingApiKeyProvider"]
