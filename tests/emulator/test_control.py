"""The control routes: state, reset, clock, log, and the search for leaked secrets."""

from __future__ import annotations

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator
from tests.emulator.conftest import OAuthProgram

NOTHING = "e30.e30.test and no token, " + "x" * 500


def test_requests_are_counted_by_route_template(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """Control routes and the overview aren't counted; unknown routes are counted together."""
    http.get("/service/v1/apps")
    http.delete(f"/service/v1/apps/{app_id}")
    http.delete("/service/v1/apps/not-an-id")
    http.get("/nothing/here")
    http.get("/")
    assert emulator.state()["requests"] == {
        "POST /service/v1/apps": 1,
        "GET /service/v1/apps": 1,
        "DELETE /service/v1/apps/{app_id}": 2,
        "GET unknown": 1,
    }


def test_log_has_requests_in_order_without_secrets(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """It has methods, paths and statuses, and no tokens, keys or bodies."""
    raw_api_key = http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "ci"}).json()[
        "raw_api_key"
    ]
    http.delete(f"/service/v1/apps/{app_id}?token=secret-in-query")
    log = emulator.state()["log"]
    assert [(entry["method"], entry["path"], entry["status"]) for entry in log] == [
        ("POST", "/service/v1/apps", 200),
        ("POST", f"/service/v1/apps/{app_id}/keys", 200),
        ("DELETE", f"/service/v1/apps/{app_id}", 200),
    ]
    assert [entry["at"] for entry in log] == sorted(entry["at"] for entry in log)
    for secret in (raw_api_key, emulator.access_token, "secret-in-query"):
        assert secret not in repr(emulator.state())


def test_app_is_renamed_as_in_the_console(
    http: httpx.Client, emulator: Emulator, app_id: str
) -> None:
    """The API's list has the new name. Another id is refused."""
    emulator.rename_app(app_id, "renamed")
    listed = http.get("/service/v1/apps").json()["apps"]
    assert {app["app_id"]: app["app_name"] for app in listed}[app_id] == "renamed"
    with pytest.raises(ValueError, match="404"):
        emulator.rename_app("00000000-0000-4000-8000-000000000000", "renamed")


def test_reset_goes_back_to_the_start(http: httpx.Client, emulator: Emulator, app_id: str) -> None:
    """Nothing stays from the last test, except the organization's id and the first token."""
    http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "ci"})
    http.post("/service/v1/balance/add", json={"amount_cents": 100, "idempotency_key": "x" * 8})
    emulator.add_fault("hang")
    emulator.set_clock(1_000)
    emulator.set_org(org_id="org_renamed", will_invoice=True)
    emulator.set_settings(latency_seconds=5, auto_approve=True)
    emulator.add_org(org_id="org_other")
    emulator.reset()
    state = emulator.state()
    assert state["org"] == {
        "org_id": emulator.org_id,
        "org_name": "Example Organization",
        "credit_balance_cents": 0,
        "pending_debit_balance_cents": 0,
        "will_invoice": False,
        "has_payment_method": True,
    }
    assert [app["app_name"] for app in state["apps"]] == ["parallel-cli Users"]
    left = [state["keys"], state["charges"], state["faults"], state["log"], state["sign_ins"]]
    assert not any(left)
    assert state["requests"] == {}
    assert state["clock"]["offset_seconds"] == 0
    assert state["settings"]["latency_seconds"] == 0
    with pytest.raises(httpx.HTTPStatusError):
        emulator.state("org_other")


def test_clock_shifts_all_times(http: httpx.Client, emulator: Emulator, app_id: str) -> None:
    """Keys, charges and the log have the shifted time."""
    emulator.set_clock(86_400)
    now = emulator.state()["clock"]["now"]
    key = http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "ci"}).json()
    http.post("/service/v1/balance/add", json={"amount_cents": 1, "idempotency_key": "x" * 8})
    state = emulator.state()
    for stamp in (key["created_at"], state["charges"][0]["at"], state["log"][-1]["at"]):
        assert stamp == pytest.approx(now, abs=5)


def test_organization_can_get_another_id_and_name(http: httpx.Client, emulator: Emulator) -> None:
    """All answers to the same token then have the new ones."""
    assert emulator.set_org(org_id="org_x", org_name="X")["org_id"] == "org_x"
    assert http.get("/service/v1/balance").json()["org_id"] == "org_x"
    (app,) = http.get("/service/v1/apps").json()["apps"]
    assert (app["org_id"], app["org_name"]) == ("org_x", "X")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "org", {"credit_balance": 1}),
        ("PATCH", "org", {"will_invoice": None}),
        ("PATCH", "settings", {"latency_seconds": -1}),
        ("POST", "clock", {}),
        ("POST", "tokens", {"org_id": "org_unknown"}),
        ("POST", "sign-ins/QQQQ-QQQQ", {"decision": "maybe"}),
    ],
)
def test_misspelt_control_is_refused(
    anonymous: httpx.Client, method: str, path: str, body: dict[str, object]
) -> None:
    """A control request without an effect would make a test that tests nothing."""
    assert anonymous.request(method, f"/_emulator/{path}", json=body).status_code == 422


def test_second_organization_with_the_same_id_is_refused(emulator: Emulator) -> None:
    """Two organizations with one id couldn't be distinguished."""
    with pytest.raises(ValueError, match="There is one of this id"):
        emulator.add_org(org_id=emulator.org_id)


@pytest.fixture
def raw_key(http: httpx.Client, app_id: str) -> str:
    """Create a key and return its raw key."""
    answer = http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "ci"})
    return str(answer.raise_for_status().json()["raw_api_key"])


@pytest.mark.parametrize("around", ["", "=", "x", "-_9"])
def test_raw_key_is_found_wherever_it_stands(emulator: Emulator, raw_key: str, around: str) -> None:
    """It is found in the middle of other letters, too."""
    assert emulator.leaks_in(f"{NOTHING} {around}{raw_key}{around} {NOTHING}") == ["raw_api_key"]


def test_part_of_a_raw_key_is_no_leak(emulator: Emulator, raw_key: str) -> None:
    """The last letters aren't secret: the console and the state show them."""
    assert emulator.leaks_in(f"{NOTHING} {raw_key[:-1]} {raw_key[1:]} {raw_key[-4:]}") == []


def test_every_token_and_code_is_found(emulator: Emulator, anonymous: httpx.Client) -> None:
    """Also those of another organization, and those that were used."""
    emulator.set_settings(auto_approve=True)
    program = OAuthProgram(anonymous)
    code = program.start()
    tokens = program.redeem(code).json()
    program.refresh(tokens)

    assert emulator.leaks_in(NOTHING) == []
    assert emulator.leaks_in(f"a {emulator.access_token}") == ["access_token"]
    assert emulator.leaks_in(f"{emulator.add_org()['access_token']}\n") == ["access_token"]
    assert emulator.leaks_in(f"x{tokens['refresh_token']}x") == ["refresh_token"]
    assert emulator.leaks_in(f"{code['device_code']} {tokens['access_token']}") == [
        "access_token",
        "device_code",
    ]
