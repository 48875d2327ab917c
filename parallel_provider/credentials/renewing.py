"""Keep a source's newest token in memory, and let one thread at a time ask for the next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.errors import CredentialsError

Fetch = Callable[[AccessToken | None], AccessToken]


class RenewingSource:
    """A token source whose tokens end.

    `fetch` gets the token that is no longer wanted, or None at first, and returns another one
    where there is one. It is never called by two threads at once; those that waited share its
    result, an error included.
    """

    def __init__(self, origin: str, fetch: Fetch, clock: Callable[[], float] = time.time) -> None:
        self.origin = origin
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: AccessToken | None = None
        self._failures = 0
        self._failure = ""

    def get(self) -> AccessToken:
        """Return a token that is fresh now."""
        return self._token_that(lambda token: token.is_fresh(self._clock()))

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return another token than the one that was refused, or None if there is no other."""
        token = self._token_that(lambda token: token.value != rejected.value)
        return token if token.value != rejected.value else None

    def end_warning(self) -> str | None:
        """Return None: it renews itself."""
        return None

    def _token_that(self, is_wanted: Callable[[AccessToken], bool]) -> AccessToken:
        if self._token is not None and is_wanted(self._token):
            return self._token
        failures = self._failures
        with self._lock:
            if self._token is not None and is_wanted(self._token):
                return self._token
            if self._failures != failures:
                # Another thread has just asked for this one too: asking again would only make a
                # server that is down keep every thread waiting in turn.
                raise CredentialsError(self._failure)
            try:
                self._token = self._fetch(self._token)
            except CredentialsError as error:
                self._failures += 1
                self._failure = str(error)
                raise
            return self._token
