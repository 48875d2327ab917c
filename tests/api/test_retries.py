"""What is sent again, how often, and for how long."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest

from parallel_provider.api import (
    AccountApi,
    AnswerError,
    NoAnswerError,
    RateLimitedError,
    ServerError,
)
from parallel_provider.api.timing import RetryPolicy
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import api_at

APPS, KEYS = "/service/v1/apps", "/service/v1/apps/{app_id}/keys"
BALANCE, ADD = "/service/v1/balance", "/service/v1/balance/add"
NO_SUCH_APP = "00000000-0000-4000-8000-000000000000"
IDEMPOTENCY_KEY = "pulumi-0123456789"


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "garbage"])
def test_read_is_repeated_whatever_was_lost(api: AccountApi, emulator: Emulator, kind: Any) -> None:  # noqa: ANN401 - a literal
    """Reading twice does no harm."""
    emulator.add_fault(kind, method="GET", path=APPS, times=2)

    assert len(api.list_apps()) == 1
    assert emulator.state()["requests"] == {f"GET {APPS}": 3}


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "garbage"])
def test_charge_is_repeated_under_its_key(api: AccountApi, emulator: Emulator, kind: Any) -> None:  # noqa: ANN401 - a literal
    """The server knows the key, so that the card is charged once."""
    emulator.add_fault(kind, method="POST", path=ADD, times=2)

    assert api.add_balance(500, IDEMPOTENCY_KEY).credit_balance_cents == 500
    assert len(emulator.state()["charges"]) == 1
    assert emulator.state()["requests"] == {f"POST {ADD}": 3}


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
        pytest.raises(RateLimitedError, match="lower --parallel"),
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


@pytest.mark.parametrize("kind", ["hang", "delay"])
def test_silent_server_is_given_up(
    emulator: Emulator,
    kind: Any,  # noqa: ANN401 - a literal
) -> None:
    """A request that gets no answer in time may have worked."""
    emulator.add_fault(kind, path=APPS, seconds=1)

    with (
        api_at(emulator.url, emulator.access_token, RetryPolicy(deadline_seconds=0.4)) as api,
        pytest.raises(NoAnswerError, match="timed out") as error,
    ):
        api.create_app("search")

    assert error.value.may_have_worked
    assert len(emulator.state()["apps"]) == 2
