"""Each kind of fault, and which requests meet it."""

from __future__ import annotations

import json
import threading
import time

import httpx
import pytest

from parallel_provider.emulator.control_models import FaultKind
from parallel_provider.testing.emulator import Emulator

APPS = "/service/v1/apps"
BALANCE = "/service/v1/balance"


def _create(http: httpx.Client, timeout: float = 5) -> httpx.Response:
    return http.post(APPS, json={"app_name": "search"}, timeout=timeout)


def _created(emulator: Emulator) -> int:
    return len(emulator.state()["apps"]) - 1


def test_status_answers_without_doing_the_work(http: httpx.Client, emulator: Emulator) -> None:
    """Status, headers and body are those of the fault; a JSON body is sent as JSON."""
    emulator.add_fault(
        "status", path=APPS, status=429, headers={"Retry-After": "7"}, body={"error": {"a": 1}}
    )
    answer = _create(http)
    assert (answer.status_code, answer.json()) == (429, {"error": {"a": 1}})
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Content-Type"] == "application/json"
    assert _created(emulator) == 0


@pytest.mark.parametrize(("kind", "created"), [("drop_before", 0), ("drop_after", 1)])
def test_dropped_connection_gives_no_answer(
    http: httpx.Client, emulator: Emulator, kind: FaultKind, created: int
) -> None:
    """The connection breaks before any byte is sent, before or after the work."""
    emulator.add_fault(kind, path=APPS)
    with pytest.raises(httpx.TransportError):
        _create(http)
    assert _created(emulator) == created
    assert _create(http).status_code == 200


def test_truncated_answer_announces_more_than_it_sends(
    http: httpx.Client, emulator: Emulator
) -> None:
    """The length of the whole body is announced, and half of it is sent."""
    emulator.add_fault("truncate", path=APPS)
    with http.stream("POST", APPS, json={"app_name": "search"}) as answer:
        chunks = answer.iter_raw()
        received = next(chunks)
        with pytest.raises(httpx.RemoteProtocolError):
            next(chunks)
    assert len(received) == int(answer.headers["content-length"]) // 2
    assert received.startswith(b'{"app_id":')
    assert _created(emulator) == 1


def test_garbage_is_no_json_but_the_work_is_done(http: httpx.Client, emulator: Emulator) -> None:
    """The status is 200, but the body can't be parsed."""
    emulator.add_fault("garbage", path=APPS)
    answer = _create(http)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r".+"):
        answer.json()
    assert _created(emulator) == 1


def test_delayed_answer_comes_after_work_that_is_done_at_once(
    http: httpx.Client, emulator: Emulator
) -> None:
    """While the client waits, the state already has the new app."""
    emulator.add_fault("delay", path=APPS, seconds=0.5)
    started = time.monotonic()
    answered = threading.Thread(target=_create, args=(http,))
    answered.start()
    while not _created(emulator):
        assert answered.is_alive()
    answered.join()
    assert time.monotonic() - started >= 0.5


@pytest.mark.parametrize("kind", ["delay", "hang"])
def test_work_is_done_although_the_client_has_gone(
    http: httpx.Client, emulator: Emulator, kind: FaultKind
) -> None:
    """A client's timeout doesn't undo the work."""
    emulator.add_fault(kind, path=APPS, seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        _create(http, timeout=0.2)
    assert _created(emulator) == 1


def test_latency_delays_answers_but_not_the_work(http: httpx.Client, emulator: Emulator) -> None:
    """Every answer is late, also a refusal. Control routes aren't."""
    emulator.set_settings(latency_seconds=0.2)
    started = time.monotonic()
    assert http.get("/service/v1/nothing").status_code == 404
    assert time.monotonic() - started >= 0.2
    with pytest.raises(httpx.ReadTimeout):
        _create(http, timeout=0.1)
    assert _created(emulator) == 1


def test_delayed_answers_do_not_delay_other_requests(
    http: httpx.Client, emulator: Emulator
) -> None:
    """Many delayed answers are waited for at the same time."""
    emulator.set_settings(latency_seconds=0.3)
    started = time.monotonic()
    threads = [threading.Thread(target=http.get, args=(BALANCE,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started < 20 * 0.3 / 2


def test_times_and_after_choose_the_requests(http: httpx.Client, emulator: Emulator) -> None:
    """One request passes, two fail, and the rest passes. Other routes and methods don't count."""
    emulator.add_fault("status", method="GET", path=BALANCE, status=503, after=1, times=2)
    _create(http).raise_for_status()
    assert [http.get(BALANCE).status_code for _ in range(5)] == [200, 503, 503, 200, 200]
    assert emulator.state()["faults"] == []


def test_each_request_meets_one_fault_the_oldest_first(
    http: httpx.Client, emulator: Emulator
) -> None:
    """Each fault counts on its own the requests that it lets pass."""
    emulator.add_fault("status", path=BALANCE, status=500)
    emulator.add_fault("status", path=BALANCE, status=502)
    emulator.add_fault("status", path=BALANCE, status=503, after=3)
    statuses = [http.get(BALANCE).status_code for _ in range(5)]
    assert statuses == [500, 502, 200, 503, 200]


def test_fault_of_any_route_meets_the_sign_in_but_not_control(
    http: httpx.Client, emulator: Emulator
) -> None:
    """`*` means any method and route, except for control routes."""
    emulator.add_fault("status", status=500, times=3)
    assert http.get(BALANCE).status_code == 500
    assert http.post("/getServiceKeys/token").status_code == 500
    assert emulator.state()["faults"][0]["times"] == 1
    emulator.clear_faults()
    assert http.get(BALANCE).status_code == 200


def test_fault_of_a_route_template_meets_each_path_of_it(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """The path of a fault is a template, such as `/service/v1/apps/{app_id}`."""
    emulator.add_fault("status", method="delete", path="/service/v1/apps/{app_id}", status=500)
    assert http.delete(f"/service/v1/apps/{app_id}").status_code == 500
    assert _created(emulator) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "explode"},
        {"kind": "status", "path": "/service/v1/app"},
        {"kind": "status", "tmies": 2},
        {"kind": "status", "times": 0},
        {"kind": "status", "after": -1},
        {"kind": "status", "status": 99},
        {"kind": "drip", "seconds": -1},
        {"kind": "endless", "size_bytes": -1},
        {"kind": "hang", "size_bytes": 1},
        {"kind": "odd"},
        {"kind": "garbage", "remove": ["app_id"]},
        {"kind": "odd", "replace": {"app_id": "no quotes"}},
        {"kind": "odd", "replace": {"app_id": 7}},
        {"kind": "odd", "replace": {"\ud800": "7"}},
        {"kind": "odd", "replace": {"app_id": '"\ud800"'}},
    ],
)
def test_fault_with_wrong_fields_is_refused(
    anonymous: httpx.Client, fault: dict[str, object]
) -> None:
    """A misspelt fault would make a test that tests nothing."""
    answer = anonymous.post(
        "/_emulator/faults",
        content=json.dumps(fault),  # as an escape, where it isn't Unicode
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422


def test_faulted_requests_are_counted_and_logged(http: httpx.Client, emulator: Emulator) -> None:
    """The log has the status and the fault of each request."""
    emulator.add_fault("drop_before", path=BALANCE)
    emulator.add_fault("status", path=BALANCE, status=503)
    with pytest.raises(httpx.TransportError):
        http.get(BALANCE)
    http.get(BALANCE)
    http.get(BALANCE)
    state = emulator.state()
    assert state["requests"] == {f"GET {BALANCE}": 3}
    assert [(entry["status"], entry["fault"]) for entry in state["log"]] == [
        (None, "drop_before"),
        (503, "status"),
        (200, None),
    ]
