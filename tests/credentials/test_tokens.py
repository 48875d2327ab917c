"""Access tokens, static tokens, and sources whose tokens are renewed."""

from __future__ import annotations

import base64
import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.tokens import (
    LATEST_SECONDS,
    AccessToken,
    RenewingSource,
    StaticToken,
    duration,
)
from parallel_provider.errors import CredentialsError

THREADS = 16
NOW = 1_000_000.0
VALUE = SecretStr("header.claims.signature")


@pytest.mark.parametrize(("seconds_left", "fresh"), [(31, True), (30, False), (-1, False)])
def test_token_near_its_end_is_not_fresh(seconds_left: float, fresh: bool) -> None:
    """A token is fresh until 30 seconds before it expires."""
    assert AccessToken(VALUE, NOW + seconds_left).is_fresh(NOW) is fresh


@pytest.mark.parametrize(("lifetime", "used_for"), [(2, 1), (420, 390)])
def test_token_is_used_until_near_its_end(lifetime: float, used_for: float) -> None:
    """A token that lives for two seconds is used for half of its life."""
    now = NOW
    fetched: list[float] = []

    def fetch(_: AccessToken | None) -> AccessToken:
        fetched.append(now)
        return AccessToken(SecretStr(f"a.b.{len(fetched)}"), now + lifetime)

    source = RenewingSource("a test", fetch, lambda: now)
    source.get()
    now = NOW + used_for - 0.1
    source.get()
    assert fetched == [NOW]
    now = NOW + used_for
    source.get()
    assert fetched == [NOW, now]


def test_repr_of_a_token_hides_it() -> None:
    """The repr of a token doesn't show it."""
    assert "claims" not in repr(AccessToken(VALUE)) + str(AccessToken(VALUE))


class Issuer:
    """Issues numbered tokens; `arrive` lets all threads ask for one at the same moment."""

    def __init__(self, error: str | None = None) -> None:
        self.issued = 0
        self.unwanted: list[AccessToken | None] = []
        self._error = error
        self._all_are_here = threading.Barrier(THREADS)

    def arrive(self) -> None:
        """Wait until all threads have come this far."""
        self._all_are_here.wait(timeout=10)

    def __call__(self, unwanted: AccessToken | None) -> AccessToken:
        """Issue the next token."""
        self.issued += 1
        self.unwanted.append(unwanted)
        if self._error is not None:
            raise CredentialsError(self._error)
        return AccessToken(SecretStr(f"token.number.{self.issued}"), NOW + 420)


def test_sixteen_threads_share_one_token() -> None:
    """If many threads need a token at once, one token is fetched."""
    issuer = Issuer()
    source = RenewingSource("a test", issuer, lambda: NOW)

    def want(_: int) -> AccessToken:
        issuer.arrive()
        return source.get()

    with ThreadPoolExecutor(THREADS) as pool:
        tokens = list(pool.map(want, range(THREADS)))
    assert len(set(tokens)) == 1
    assert issuer.issued == 1


def test_sixteen_refused_threads_share_one_renewal() -> None:
    """If many threads get a 401 for the same token, it is renewed once."""
    issuer = Issuer()
    source = RenewingSource("a test", issuer, lambda: NOW)
    first = source.get()

    def renew(_: int) -> AccessToken | None:
        issuer.arrive()
        return source.renew(first)

    with ThreadPoolExecutor(THREADS) as pool:
        tokens = list(pool.map(renew, range(THREADS)))
    assert len(set(tokens)) == 1
    assert tokens[0] != first
    assert issuer.unwanted == [None, first]


def test_waiting_threads_share_a_failure() -> None:
    """The threads that wait for a fetch share its error."""
    entered, go_on = threading.Event(), threading.Event()
    calls: list[int] = []

    def fail(_: AccessToken | None) -> AccessToken:
        calls.append(1)
        entered.set()
        go_on.wait(10)
        raise CredentialsError("the sign-in can't be reached")

    source = RenewingSource("a test", fail, lambda: NOW)
    failures = []

    def want() -> None:
        with pytest.raises(CredentialsError, match="can't be reached") as caught:
            source.get()
        failures.append(caught.value)

    threads = [threading.Thread(target=want) for _ in range(THREADS)]
    threads[0].start()
    entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    # A thread that comes after the failure asks again, which is right too.
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(failures) == THREADS
    assert len(calls) < THREADS


def test_next_call_after_a_failure_asks_again() -> None:
    """A later call fetches again after an error."""
    issuer = Issuer(error="no luck")
    source = RenewingSource("a test", issuer, lambda: NOW)
    for _ in range(2):
        with pytest.raises(CredentialsError, match="no luck"):
            source.get()
    assert issuer.issued == 2


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "less than a minute"), (60, "1 minute"), (7199, "1 hour"), (3 * 86400, "3 days")],
)
def test_duration_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    """A time span has one unit: days, hours or minutes."""
    assert duration(seconds) == text


@pytest.mark.parametrize("end", [-1, LATEST_SECONDS + 1, 10**400, math.nan, "5", None])
def test_time_in_a_token_that_no_date_can_have_is_not_known(end: object) -> None:
    """Whatever stands in a token, it can be shown."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": end}).encode()).decode().rstrip("=")
    token = StaticToken(SecretStr(f"e30.{claims}.c"), "PARALLEL_ACCESS_TOKEN").get()
    assert token.expires_at is None
