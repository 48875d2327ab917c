"""The client of the API, for the commands that need it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pydantic import SecretStr

from parallel_provider.api import AccountApi
from parallel_provider.cli.environment import load_settings
from parallel_provider.credentials.chain import choose_source
from parallel_provider.credentials.tokens import StaticToken
from parallel_provider.errors import ParallelError
from parallel_provider.session import open_api
from parallel_provider.settings import Settings

# A person is waiting, and the answer isn't necessary.
_ORGANIZATION_SECONDS = 10.0


@contextlib.contextmanager
def open_account() -> Iterator[AccountApi]:
    """Give a client of the API with the configured access token."""
    settings = load_settings()
    source = choose_source(settings)
    with open_api(settings, source) as api:
        yield api


def ask_organization(settings: Settings, access_token: SecretStr) -> str | None:
    """Return the id of a token's organization, or None if the API doesn't tell it."""
    try:
        source = StaticToken(access_token, "the sign-in")
        with open_api(settings, source, timeout_seconds=_ORGANIZATION_SECONDS) as api:
            return api.get_balance().org_id
    except ParallelError:
        return None
