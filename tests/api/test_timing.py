"""When requests are sent: what may be sent again, the rate limit, and the server's time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pydantic import SecretStr

from parallel_provider.api import (
    AccountApi,
    AnswerError,
    ApiError,
    ConnectionFailedError,
    NoAnswerError,
    RateLimitedError,
    RetryPolicy,
)
from parallel_provider.api.answers import status_error
from parallel_provider.api.timing import RateLimitGate, ServerClock, send_with_retries, should_retry
from parallel_provider.cancellation import Cancellation
from parallel_provider.credentials.auth import BearerAuth
from parallel_provider.credentials.tokens import StaticToken
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock

REQUEST = httpx.Request("POST", "https://api.example.com/account/service/v1/apps")
APPS = "/service/v1/apps"
DATE = "Mon, 30 Nov 2026 23:59:00 GMT"
DATE_SECONDS = 1_796_083_140.0


def status(code: int, retry_after: float | None = None) -> ApiError:
    """Return the error of a status."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"}
    return status_error(httpx.Response(code, headers=headers, request=REQUEST), DATE_SECONDS)


@pytest.mark.parametrize(
    ("error", "repeatable", "otherwise"),
    [
        # Never sent, or turned away unread: harmless for any request.
        (ConnectionFailedError(""), True, True),
        (status(429), True, True),
        (status(429, 5), True, True),
        (status(503, 5), True, True),
        # Perhaps carried out: only what the server recognises, or what changes nothing.
        (NoAnswerError(""), True, False),
        (AnswerError(""), True, False),
        (status(408), True, False),
        (status(500), True, False),
        (status(502), True, False),
        (status(503), True, False),
        (status(504), True, False),
        (status(500, 5), True, False),
        (status(504, 5), True, False),
        # Final.
        (status(400), False, False),
        (status(401), False, False),
        (status(402), False, False),
        (status(403), False, False),
        (status(404), False, False),
        (status(409, 5), False, False),
        (status(422), False, False),
        (ValueError(), False, False),
    ],
)
def test_should_retry_only_where_it_can_do_no_harm(
    error: Exception, *, repeatable: bool, otherwise: bool
) -> None:
    """A request that may have worked is sent again only if a second one does no harm."""
    assert should_retry(error, repeatable=True) is repeatable
    assert should_retry(error, repeatable=False) is otherwise
    if isinstance(error, ApiError) and otherwise:
        assert not error.may_have_worked


class Timeline:
    """A clock that only sleeping moves, a gate that uses it, and a list of the sleeps."""

    def __init__(self) -> None:
        self.clock = Clock(100.0)
        self.slept: list[float] = []
        self.gate = RateLimitGate(self.clock, self.sleep)

    def sleep(self, seconds: float) -> bool:
        """Let the time pass. The run isn't cancelled meanwhile."""
        self.slept.append(seconds)
        self.clock.now += seconds
        return False


def client(emulator: Emulator, rate_limit: RateLimitGate, retry_policy: RetryPolicy) -> AccountApi:
    """Return a client with a rate limit gate that others may share."""
    source = StaticToken(SecretStr(emulator.access_token), "the test's token")
    return AccountApi(
        emulator.url, lambda: BearerAuth(source), retry_policy=retry_policy, rate_limit=rate_limit
    )


def test_nobody_waits_unless_asked() -> None:
    """Without a rate limit, nothing sleeps."""
    time = Timeline()

    assert time.gate.wait(0.0)
    assert time.slept == []


def test_longest_hold_counts() -> None:
    """A later, shorter wait changes nothing, and the time that has passed counts."""
    time = Timeline()
    time.gate.close_for(5.0)
    time.clock.now += 1.0
    time.gate.close_for(2.0)

    assert time.gate.wait(60.0)
    assert time.slept == [4.0]
    assert time.gate.wait(0.0)


def test_hold_that_comes_while_waiting_is_kept_to_as_well() -> None:
    """A refusal of another thread makes waiting threads wait longer."""
    time = Timeline()

    def refused_meanwhile(seconds: float) -> bool:
        if not time.slept:
            time.gate.close_for(3.0)
        return time.sleep(seconds)

    time.gate = RateLimitGate(time.clock, refused_meanwhile)
    time.gate.close_for(1.0)

    assert time.gate.wait(60.0)
    assert time.slept == [1.0, 2.0]


def test_wait_beyond_the_deadline_is_not_begun() -> None:
    """If the wait would take too long, it doesn't begin."""
    time = Timeline()
    time.gate.close_for(5.0)

    assert not time.gate.wait(4.0)
    assert time.slept == []


def test_refusal_without_a_time_holds_everyone_back_for_the_backoff() -> None:
    """A 429 without a Retry-After makes all threads wait too."""
    time = Timeline()
    attempts = 0

    def send(_deadline: object) -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RateLimitedError("too many", status_code=429)
        assert not time.gate.wait(0.0)
        return "done"

    retry_policy = RetryPolicy(first_wait_seconds=0.01)
    assert (
        send_with_retries(send, retry_policy, time.gate, Cancellation(), repeatable=False) == "done"
    )


def test_one_refusal_holds_all_threads_back(emulator: Emulator) -> None:
    """After the 429, no thread sends anything for a second."""
    emulator.add_fault("status", path=APPS, status=429, headers={"Retry-After": "1"})
    rate_limit = RateLimitGate()
    with (
        client(emulator, rate_limit, RetryPolicy(attempts=1)) as api,
        pytest.raises(RateLimitedError),
    ):
        api.list_apps()
    with client(emulator, rate_limit, RetryPolicy()) as api, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: api.list_apps(), range(8)))

    first, *others = emulator.state()["log"]
    assert first["status"] == 429
    assert len(others) == 8
    assert min(other["at"] for other in others) - first["at"] >= 0.95


def test_server_that_wants_too_long_a_wait_ends_the_call(emulator: Emulator) -> None:
    """The request is not sent, and the error says why."""
    rate_limit = RateLimitGate()
    rate_limit.close_for(30.0)
    with (
        client(emulator, rate_limit, RetryPolicy(attempts=1, deadline_seconds=2.0)) as api,
        pytest.raises(ConnectionFailedError, match=r"longer than the 2 seconds .* --parallel"),
    ):
        api.create_app("search")

    assert emulator.state()["requests"] == {}


class Monotonic:
    """A clock that goes forward only when it is told to."""

    def __init__(self) -> None:
        self.seconds = 5.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.seconds


def test_time_before_any_answer_is_unknown() -> None:
    """There is no answer yet that tells it."""
    assert ServerClock().now() is None


def test_time_goes_on_from_the_latest_answer() -> None:
    """The local clock only measures how long ago the answer came."""
    monotonic = Monotonic()
    clock = ServerClock(monotonic)
    clock.note(DATE)
    monotonic.seconds += 7
    assert clock.now() == DATE_SECONDS + 7
    clock.note(DATE)
    assert clock.now() == DATE_SECONDS


@pytest.mark.parametrize(
    "nonsense", [None, "", "soon", "Mon, 99 Nov 2026 23:59:00 GMT", "Mon, 30 Nov 99999 1:1:1 +9999"]
)
def test_date_that_cant_be_read_changes_nothing(nonsense: str | None) -> None:
    """The time of an earlier answer stays."""
    clock = ServerClock(Monotonic())
    clock.note(DATE)
    clock.note(nonsense)
    assert clock.now() == DATE_SECONDS


def test_every_answer_tells_the_time(api: AccountApi, emulator: Emulator) -> None:
    """Refusals tell it too."""
    assert api.server_time() is None
    emulator.add_fault(
        "status", method="GET", path="/service/v1/apps", status=403, headers={"date": DATE}
    )
    with pytest.raises(ApiError):
        api.list_apps()
    refused_at = api.server_time()
    assert refused_at is not None
    assert DATE_SECONDS <= refused_at < DATE_SECONDS + 60
