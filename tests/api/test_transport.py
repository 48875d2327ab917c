"""When requests are sent: again, later, or not at all; and over which connections."""

from __future__ import annotations

import email.utils
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

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
    ServerError,
)
from parallel_provider.api.errors import status_error
from parallel_provider.api.transport import should_retry
from parallel_provider.credentials.tokens import StaticToken
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import api_at

APPS, KEYS = "/service/v1/apps", "/service/v1/apps/{app_id}/keys"
BALANCE, ADD = "/service/v1/balance", "/service/v1/balance/add"
IDEMPOTENCY_KEY = "pulumi-0123456789"
DATE = "Mon, 30 Nov 2026 23:59:00 GMT"
DATE_SECONDS = 1_796_083_140.0
THREADS = 4
CALLS = 5


def status(code: int, retry_after: float | None = None) -> ApiError:
    """Return the error of a status."""
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:.0f}"}
    request = httpx.Request("POST", "https://api.example.com/account/service/v1/apps")
    return status_error(httpx.Response(code, headers=headers, request=request), "here")


@pytest.mark.parametrize(
    ("error", "repeatable", "otherwise"),
    [
        # Never sent, or turned away unread: harmless for any request.
        (ConnectionFailedError(""), True, True),
        (status(429), True, True),
        (status(503, 5), True, True),
        # Perhaps carried out: only what the server recognises, or what changes nothing.
        (NoAnswerError(""), True, False),
        (AnswerError(""), True, False),
        (status(408), True, False),
        (status(500), True, False),
        (status(503), True, False),
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


@pytest.mark.parametrize(
    ("kind", "error"),
    [("drop_after", NoAnswerError), ("truncate", NoAnswerError), ("garbage", AnswerError)],
)
def test_create_is_not_repeated_once_it_may_have_worked(
    api: AccountApi,
    emulator: Emulator,
    kind: Any,  # noqa: ANN401 - a literal
    error: type[Exception],
) -> None:
    """The client doesn't decide what to do; the error says that the request may have worked."""
    emulator.add_fault(kind, path=APPS)
    emulator.add_fault(kind, path=KEYS)

    for create in (
        lambda: api.create_app("search"),
        lambda: api.create_key(emulator.state()["apps"][0]["app_id"], "ci"),
    ):
        with pytest.raises(error) as failure:
            create()
        assert failure.value.may_have_worked  # type: ignore[attr-defined] # both have it
    assert emulator.state()["requests"] == {f"POST {APPS}": 1, f"POST {KEYS}": 1}


def test_doubt_about_a_charge_outlasts_a_later_refusal(api: AccountApi, emulator: Emulator) -> None:
    """The first attempt charged, and the refusal of the second one must not hide that."""
    emulator.add_fault("drop_after", path=ADD)
    emulator.add_fault("status", path=ADD, status=403, body={"detail": "not any more"})

    with pytest.raises(NoAnswerError, match=r"got no answer.*not any more") as failure:
        api.add_balance(500, IDEMPOTENCY_KEY)

    assert failure.value.may_have_worked
    assert len(emulator.state()["charges"]) == 1


@pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, False), (503, True)])
def test_busy_server_is_waited_for(
    api: AccountApi, emulator: Emulator, status: int, *, as_date: bool
) -> None:
    """The client waits as long as Retry-After says, in seconds or as a date, for changes too."""
    # A date has whole seconds: one of two seconds from now may be just over one away.
    retry_after = email.utils.formatdate(time.time() + 2, usegmt=True) if as_date else "1"
    emulator.add_fault("status", path=APPS, status=status, headers={"Retry-After": retry_after})

    started = time.monotonic()
    api.create_app("search")

    assert 0.9 <= time.monotonic() - started < 10
    assert len(emulator.state()["apps"]) == 2


def test_attempts_are_limited(emulator: Emulator) -> None:
    """After the last attempt, the last error is raised. No wait is longer than allowed."""
    retry_policy = RetryPolicy(attempts=3, first_wait_seconds=0.0, longest_wait_seconds=0.01)
    emulator.add_fault("status", path=APPS, status=429, times=9, headers={"Retry-After": "3600"})

    started = time.monotonic()
    with (
        api_at(emulator.url, emulator.access_token, retry_policy) as api,
        pytest.raises(RateLimitedError, match="in parallel"),
    ):
        api.list_apps()

    assert time.monotonic() - started < 10
    assert emulator.state()["requests"] == {f"GET {APPS}": 3}


def test_no_wait_goes_beyond_the_deadline(emulator: Emulator) -> None:
    """A wait that would end after the deadline doesn't begin."""
    retry_policy = RetryPolicy(attempts=9, deadline_seconds=0.5, first_wait_seconds=5.0)
    emulator.add_fault("status", path=APPS, status=500, times=9)

    with (
        api_at(emulator.url, emulator.access_token, retry_policy) as api,
        pytest.raises(ServerError),
    ):
        api.list_apps()

    assert emulator.state()["requests"] == {f"GET {APPS}": 1}


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "1"}, 0.95), ({}, 0.5)])
def test_one_refusal_holds_all_threads_back(
    emulator: Emulator, headers: dict[str, str], seconds: float
) -> None:
    """After a 429, no thread sends anything for a second, or for the first wait."""
    emulator.add_fault("status", path=APPS, status=429, headers=headers)
    policy = RetryPolicy(attempts=1, first_wait_seconds=0.5)
    with api_at(emulator.url, emulator.access_token, policy) as api, ThreadPoolExecutor(8) as pool:
        with pytest.raises(RateLimitedError):
            api.list_apps()
        list(pool.map(lambda _: api.list_apps(), range(8)))

    first, *others = emulator.state()["log"]
    assert first["status"] == 429
    assert len(others) == 8
    assert min(other["at"] for other in others) - first["at"] >= seconds


def test_server_that_wants_too_long_a_wait_ends_the_call(emulator: Emulator) -> None:
    """The second request is not sent, and the error says why."""
    emulator.add_fault("status", path=APPS, status=429, headers={"Retry-After": "30"})
    policy = RetryPolicy(deadline_seconds=2.0, first_wait_seconds=0.0)
    with api_at(emulator.url, emulator.access_token, policy) as api:
        with pytest.raises(RateLimitedError):
            api.list_apps()
        with pytest.raises(ConnectionFailedError, match=r"longer than the 2 seconds .* parallel"):
            api.create_app("search")

    assert emulator.state()["requests"] == {f"GET {APPS}": 1}


def test_cancelled_run_creates_nothing_more_and_deletes(emulator: Emulator) -> None:
    """What it has just created must not stay. No wait is longer than the run."""
    cancellation = threading.Event()
    source = StaticToken(SecretStr(emulator.access_token), "the test's token")
    emulator.add_fault("status", path=APPS, status=429, headers={"Retry-After": "20"})
    with AccountApi(emulator.url, source, cancellation=cancellation) as api:
        app_id = emulator.state()["apps"][0]["app_id"]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(api.create_app, "a")
            cancellation.wait(0.5)
            cancellation.set()
            with pytest.raises(RateLimitedError):
                waiting.result(10)
        with pytest.raises(ConnectionFailedError, match="as the run was cancelled"):
            api.create_key(app_id, "ci")
        api.delete_app(app_id)

    assert emulator.state()["apps"] == []


def test_every_answer_tells_the_time(api: AccountApi, emulator: Emulator) -> None:
    """Refusals tell it too, and a date that can't be read changes nothing."""
    assert api.server_time() is None
    for date in (DATE, "soon"):
        emulator.add_fault("status", method="GET", path=APPS, status=403, headers={"date": date})
        with pytest.raises(ApiError):
            api.list_apps()
        answered_at = api.server_time()
        assert answered_at is not None
        assert DATE_SECONDS <= answered_at < DATE_SECONDS + 60


def test_each_thread_keeps_one_connection(api: AccountApi, emulator: Emulator) -> None:
    """A handshake for each request would take longer than the request."""
    together = threading.Barrier(THREADS, timeout=30)

    def call_often(_: int) -> None:
        together.wait()
        for _ in range(CALLS):
            api.get_balance()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(call_often, range(THREADS)))

    log = emulator.state()["log"]
    assert len(log) == THREADS * CALLS
    assert len({entry["client_port"] for entry in log}) == THREADS


def test_connection_that_the_server_closed_is_opened_again(
    api: AccountApi, emulator: Emulator
) -> None:
    """A server closes idle connections; the next request still works."""
    api.get_balance()
    emulator.add_fault("drop_before", path="/service/v1/apps")
    api.list_apps()
    api.create_app("after")

    assert len({entry["client_port"] for entry in emulator.state()["log"]}) > 1


def test_import_of_httpx_is_left_as_it_is() -> None:
    """Our import doesn't load httpx's command line, and a program can still import it."""
    program = (
        "import sys\n"
        "from parallel_provider.api import AccountApi\n"
        "from parallel_provider.api import ConnectionFailedError, RetryPolicy\n"
        "from parallel_provider.credentials.tokens import StaticToken\n"
        "from pydantic import SecretStr\n"
        "source = StaticToken(SecretStr('a.b.c'), 'here')\n"
        "api = AccountApi('http://127.0.0.1:9', source, retry_policy=RetryPolicy(attempts=1))\n"
        "try:\n"
        "    api.list_apps()\n"
        "except ConnectionFailedError:\n"
        "    pass\n"
        "assert 'httpx' in sys.modules and 'rich' not in sys.modules\n"
        "assert 'httpx._main' not in sys.modules\n"
        "import httpx._main\n"
        "assert httpx._main.main\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
