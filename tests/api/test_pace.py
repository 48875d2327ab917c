"""One pace for all threads: what the server asks of one request, all of them keep to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from parallel_provider.api import AccountApi, ConnectionFailedError, Patience, RateLimitedError
from parallel_provider.api.pace import Pace
from parallel_provider.api.retries import send_with_patience
from parallel_provider.credentials.auth import BearerAuth
from parallel_provider.credentials.tokens import StaticToken
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock

APPS = "/service/v1/apps"


class Timeline:
    """A clock that only sleeping moves, and what was slept."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.slept: list[float] = []
        self.pace = Pace(self.clock, self.sleep)

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.slept.append(seconds)
        self.clock.now += seconds


def client(emulator: Emulator, pace: Pace, patience: Patience) -> AccountApi:
    """Return a client that keeps to a pace which others may share."""
    source = StaticToken(SecretStr(emulator.access_token), "the test's token")
    return AccountApi(emulator.url, lambda: BearerAuth(source), patience=patience, pace=pace)


def test_nobody_waits_unless_asked() -> None:
    """The usual case costs no sleep."""
    time = Timeline()

    assert time.pace.wait(0.0)
    assert time.slept == []


def test_longest_hold_counts() -> None:
    """A shorter one that comes later takes nothing away, and time that has passed counts."""
    time = Timeline()
    time.pace.hold(5.0)
    time.clock.now += 1.0
    time.pace.hold(2.0)

    assert time.pace.wait(60.0)
    assert time.slept == [4.0]
    assert time.pace.wait(0.0)


def test_hold_that_comes_while_waiting_is_kept_to_as_well() -> None:
    """Another thread's refusal makes those wait on that wait already."""
    time = Timeline()

    def refused_meanwhile(seconds: float) -> None:
        if not time.slept:
            time.pace.hold(3.0)
        time.sleep(seconds)

    time.pace = Pace(time.clock, refused_meanwhile)
    time.pace.hold(1.0)

    assert time.pace.wait(60.0)
    assert time.slept == [1.0, 2.0]


def test_wait_beyond_the_deadline_is_not_begun() -> None:
    """Who couldn't send in time is told at once, not after the wait."""
    time = Timeline()
    time.pace.hold(5.0)

    assert not time.pace.wait(4.0)
    assert time.slept == []


def test_refusal_without_a_time_holds_everyone_back_for_the_backoff() -> None:
    """A 429 that doesn't say how long is for all threads all the same."""
    time = Timeline()
    attempts = 0

    def send(_deadline: object) -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RateLimitedError("too many", status_code=429)
        assert not time.pace.wait(0.0)
        return "done"

    patience = Patience(first_wait_seconds=0.01)
    assert send_with_patience(send, patience, time.pace, repeatable=False) == "done"


def test_one_refusal_holds_all_threads_back(emulator: Emulator) -> None:
    """From the 429 on, no thread sends anything until the second is over."""
    emulator.add_fault("status", path=APPS, status=429, headers={"Retry-After": "1"})
    pace = Pace()
    with client(emulator, pace, Patience(attempts=1)) as api, pytest.raises(RateLimitedError):
        api.list_apps()
    with client(emulator, pace, Patience()) as api, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: api.list_apps(), range(8)))

    first, *others = emulator.state()["log"]
    assert first["status"] == 429
    assert len(others) == 8
    assert min(other["at"] for other in others) - first["at"] >= 0.95


def test_server_that_wants_too_long_a_wait_ends_the_call(emulator: Emulator) -> None:
    """What couldn't be sent within the time of one call wasn't, and the line says so."""
    pace = Pace()
    pace.hold(30.0)
    with (
        client(emulator, pace, Patience(attempts=1, deadline_seconds=2.0)) as api,
        pytest.raises(ConnectionFailedError, match=r"longer than the 2 seconds .* --parallel"),
    ):
        api.create_app("search")

    assert emulator.state()["requests"] == {}
