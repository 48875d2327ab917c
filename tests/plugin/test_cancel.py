"""A cancelled run: waits end, nothing new begins, and what exists is known."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from parallel_provider.plugin.__main__ import WORKERS
from parallel_provider.testing.emulator import Emulator
from parallel_provider.user_folder import machine_lock
from tests.embedded.test_processes import wait_for
from tests.plugin.calls import Plugin, Props, urn

APP, KEY, CREDIT = urn("App", "search"), urn("ApiKey", "ci"), urn("BalanceTopUp", "credit")
APPS = "/service/v1/apps"
KEYS = "/service/v1/apps/{app_id}/keys"
_BEHIND = 8


@pytest.fixture
def thread() -> Iterator[ThreadPoolExecutor]:
    """Return a thread for a call that waits."""
    with ThreadPoolExecutor(1) as thread:
        yield thread


def requests(emulator: Emulator, route: str) -> int:
    """Return how often the emulator got a request."""
    return emulator.state()["requests"].get(route, 0)


def error_of(call: Future[Any]) -> str:
    """Return the text of a call's failure."""
    error = call.exception(timeout=60)
    assert isinstance(error, grpc.RpcError)
    return error.details() or ""


def create(plugin: Plugin, resource: str, news: Props) -> tuple[str, Props]:
    """Check inputs, and create the resource."""
    inputs, failures = plugin.check(resource, news)
    assert failures == []
    return plugin.create(resource, inputs)


@pytest.mark.parametrize("status", [429, 503])
def test_wait_for_another_attempt_ends_at_once(
    plugin: Plugin, emulator: Emulator, thread: ThreadPoolExecutor, status: int
) -> None:
    """The error is that of the last attempt, and no other one is made."""
    emulator.add_fault(
        "status", method="POST", path=APPS, status=status, headers={"Retry-After": "29"}, times=9
    )
    call = thread.submit(create, plugin, APP, {})
    wait_for(lambda: requests(emulator, f"POST {APPS}") == 1)

    plugin.cancel()

    assert str(status) in error_of(call)
    assert requests(emulator, f"POST {APPS}") == 1


def test_calls_that_wait_for_the_api_do_not_hold_it_up(emulator: Emulator) -> None:
    """However many they are. Those that are behind them are refused without a request."""
    emulator.add_fault("hang", method="POST", path=APPS, times=99)
    own = {"serviceApiUrl": emulator.url, "accessToken": emulator.access_token}
    names = [f"app-{number}" for number in range(WORKERS + _BEHIND)]
    with Plugin({}) as plugin, ThreadPoolExecutor(len(names)) as threads:
        plugin.configure({**own, "timeoutSeconds": 8.0})
        calls = [threads.submit(plugin.create, urn("App", n), {"appName": n}) for n in names]
        wait_for(lambda: requests(emulator, f"POST {APPS}") == WORKERS)

        plugin.cancel()

        assert not any(call.done() for call in calls)
        errors = [error_of(call) for call in calls]
    assert len([error for error in errors if "cancelled before this began" in error]) == _BEHIND
    assert requests(emulator, f"POST {APPS}") == WORKERS


def test_nothing_begins_in_a_cancelled_run(plugin: Plugin, emulator: Emulator) -> None:
    """A call that comes later is refused without a request."""
    plugin.cancel()

    with pytest.raises(grpc.RpcError, match="creating App 'search': the run was cancelled before"):
        plugin.create(APP, {"appName": "search"})

    assert emulator.state()["requests"] == {}


def test_request_under_way_gets_its_answer(
    plugin: Plugin, emulator: Emulator, thread: ThreadPoolExecutor
) -> None:
    """The key that it creates is in the state."""
    app_id = emulator.state()["apps"][0]["app_id"]
    emulator.add_fault("delay", method="POST", path=KEYS, seconds=1.0)
    call = thread.submit(create, plugin, KEY, {"appId": app_id})
    wait_for(lambda: requests(emulator, f"POST {KEYS}") == 1)

    plugin.cancel()

    key_id, _ = call.result(timeout=60)
    assert [key["api_key_id"] for key in emulator.state()["keys"]] == [key_id]


def test_lost_answer_is_followed_by_no_second_key(emulator: Emulator) -> None:
    """The error names the key that may exist, and why there is no other attempt."""
    app_id = emulator.state()["apps"][0]["app_id"]
    emulator.add_fault("hang", method="POST", path=KEYS)
    own = {"serviceApiUrl": emulator.url, "accessToken": emulator.access_token}
    with Plugin({}) as plugin, ThreadPoolExecutor(1) as thread:
        plugin.configure({**own, "timeoutSeconds": 4.0})
        call = thread.submit(create, plugin, KEY, {"appId": app_id})
        wait_for(lambda: requests(emulator, f"POST {KEYS}") == 1)

        plugin.cancel()

        error = error_of(call)
    assert "another attempt failed" in error
    assert "wasn't sent, as the run was cancelled" in error
    assert f"a key named 'ci' that nobody holds may exist in app {app_id}" in error
    assert requests(emulator, f"POST {KEYS}") == 1


def test_top_up_waits_no_longer_for_another_process(
    plugin: Plugin, emulator: Emulator, thread: ThreadPoolExecutor
) -> None:
    """Nothing is charged."""
    plugin.configure({"maxTopUpCents": 1000.0})
    with machine_lock("charge", emulator.org_id):
        call = thread.submit(plugin.create, CREDIT, {"amountCents": 1000.0})
        # The last request before the wait, which then begins in any case.
        wait_for(lambda: requests(emulator, "GET /service/v1/balance") == 1)

        plugin.cancel()

        error = error_of(call)
    assert "the run was cancelled while another process of this user was charging" in error
    assert emulator.state()["charges"] == []


def test_rotation_keeps_the_new_key_that_it_has_made(
    plugin: Plugin, emulator: Emulator, thread: ThreadPoolExecutor
) -> None:
    """Cancelled after the new key: the state has both keys, and the old one isn't lost."""
    app_id = emulator.state()["apps"][0]["app_id"]
    svc = urn("RotatingApiKey", "svc")
    inputs, _ = plugin.check(svc, {"appId": app_id, "rotateAfter": "30d", "overlap": "0s"})
    _, first = plugin.create(svc, inputs)
    emulator.add_fault("delay", method="POST", path=KEYS, seconds=1.0)
    call = thread.submit(plugin.update, svc, first, {**inputs, "triggers": "leaked"})
    wait_for(lambda: requests(emulator, f"POST {KEYS}") == 2)

    plugin.cancel()

    rotated = call.result(timeout=60)
    works = [key["api_key_id"] for key in emulator.state()["keys"] if key["revoked_at"] is None]
    assert works == [rotated["apiKeyId"]]
    assert rotated["apiKeyId"] != first["apiKeyId"]


def test_run_after_a_cancelled_one_is_not_cancelled(plugin: Plugin, emulator: Emulator) -> None:
    """An attached plugin serves both."""
    plugin.cancel()
    with pytest.raises(grpc.RpcError, match="the run was cancelled"):
        create(plugin, APP, {})

    plugin.begin_run()

    create(plugin, APP, {})
    assert requests(emulator, f"POST {APPS}") == 1


def test_run_at_the_same_address_after_a_cancelled_one_is_not_cancelled(
    plugin: Plugin, emulator: Emulator
) -> None:
    """The engine cancels each run at its end, and its next port can be the same."""
    _, app = create(plugin, APP, {})
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    with pytest.raises(grpc.RpcError, match="403"):
        create(plugin, KEY, {"appId": app["appId"]})
    plugin.cancel()

    plugin.configure({})

    plugin.delete(APP, app)  # refused in a run in which a creation has failed
    create(plugin, APP, {})
    assert requests(emulator, f"POST {APPS}") == 2
