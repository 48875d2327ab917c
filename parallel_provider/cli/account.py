"""The account that some commands ask about."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from parallel_provider.api import AccountApi, Patience
from parallel_provider.cli.environment import load_settings
from parallel_provider.credentials.auth import BearerAuth
from parallel_provider.credentials.chain import choose_source


@contextlib.contextmanager
def open_account() -> Iterator[AccountApi]:
    """Give the API as the configured account."""
    settings = load_settings()
    source = choose_source(settings)
    with AccountApi(
        settings.service_api_url,
        lambda: BearerAuth(source),
        auth_origin=source.origin,
        patience=Patience(deadline_seconds=settings.timeout_seconds),
    ) as api:
        yield api
