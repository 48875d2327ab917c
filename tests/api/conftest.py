"""Clients of the emulator: with its access token, or with tokens that change on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from parallel_provider.api import AccountApi, RetryPolicy
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import api_at


class Tokens:
    """A source of tokens that goes on to its next token when it is told to, or after a 401."""

    origin = "the test's source"

    def __init__(self, *values: str) -> None:
        self._values = [AccessToken(SecretStr(value)) for value in values]
        self._lock = threading.Lock()

    def get(self) -> AccessToken:
        """Return the present one."""
        return self._values[0]

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return the next one, if the present one was rejected."""
        with self._lock:
            if self._values[0] == rejected:
                self.next()
            return self._values[0] if self._values[0] != rejected else None

    def next(self) -> None:
        """Let the next one be the present one, as near the end of a token's life."""
        if len(self._values) > 1:
            del self._values[0]

    def end_warning(self) -> str | None:
        """Return nothing to warn of."""
        return None


Connect = Callable[..., AccountApi]


@pytest.fixture
def api(emulator: Emulator) -> Iterator[AccountApi]:
    """Return the client."""
    with api_at(emulator.url, emulator.access_token) as client:
        yield client


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """Give a function that makes a client of these tokens."""
    clients = []

    def make(tokens: Tokens, retry_policy: RetryPolicy | None = None) -> AccountApi:
        retry_policy = retry_policy or RetryPolicy(attempts=2, first_wait_seconds=0.0)
        clients.append(AccountApi(emulator.url, tokens, retry_policy=retry_policy))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
