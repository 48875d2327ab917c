"""The provider as Pulumi's dynamic-provider protocol has it.

The only layer that knows `DiffResult`, unknown values of the SDK and the provider's process. A
provider is pickled into the state of every resource by the names in this file: this module's and
each class's. Renaming one breaks users' stacks (a test pins them), and an attribute would put this
code itself into their states, so there are none.

Imported by every program, so that whatever is heavy is imported when it is first used: in the
provider's process.
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
