"""The client of the API, for the commands that need it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from parallel_provider.api import AccountApi
from parallel_provider.cli.environment import load_settings
from parallel_provider.credentials.sources import choose_source
from parallel_provider.session import open_api


@contextlib.contextmanager
def open_account() -> Iterator[AccountApi]:
    """Give a client of the API with the configured access token."""
    settings = load_settings()
    source = choose_source(settings)
    with open_api(settings, source) as api:
        yield api
