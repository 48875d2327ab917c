"""Choose where the access token comes from: the first configured source counts, alone."""

from __future__ import annotations

from parallel_provider.credentials.static import StaticToken
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.errors import CredentialsError
from parallel_provider.settings import Settings


def choose_source(settings: Settings) -> TokenSource:
    """Return the first source that is configured: stack configuration, then environment.

    Raises CredentialsError when there is none, or when that one is unusable as it stands. No
    request is made here.
    """
    if settings.config_access_token is not None:
        return StaticToken(settings.config_access_token, "parallel:accessToken")
    if settings.env_access_token is not None:
        return StaticToken(settings.env_access_token, "PARALLEL_ACCESS_TOKEN")
    raise CredentialsError(
        "no Parallel access token is configured: run `parallel-provider login`, "
        "or set PARALLEL_ACCESS_TOKEN or the secret parallel:accessToken"
    )
