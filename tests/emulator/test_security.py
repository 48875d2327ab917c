"""Which requests are answered: tokens, scopes and hosts."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

STATE = "/_emulator/state"
_ANY_ID = "2bdeb1b8-9e14-4544-b567-a77ef58f51c6"
OPERATIONS = [
    ("GET", "/service/v1/balance", "balance:read"),
    ("POST", "/service/v1/balance/add", "balance:add"),
    ("GET", "/service/v1/apps", "apps:read"),
    ("POST", "/service/v1/apps", "apps:create"),
    ("DELETE", f"/service/v1/apps/{_ANY_ID}", "apps:delete"),
    ("POST", f"/service/v1/apps/{_ANY_ID}/keys", "keys:create"),
    ("DELETE", f"/service/v1/apps/{_ANY_ID}/keys/{_ANY_ID}", "keys:delete"),
]
ALL_SCOPES = {scope for _, _, scope in OPERATIONS} | {"keys:read"}
# One body that satisfies every operation: unknown fields are ignored, as at the real API.
BODY = {"app_name": "a", "api_key_name": "k", "amount_cents": 1, "idempotency_key": "x" * 8}


def _ask(http: httpx.Client, method: str, path: str, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = BODY if method == "POST" else None
    return http.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
def test_operation_needs_its_own_scope_and_no_other(
    anonymous: httpx.Client, emulator: Emulator, method: str, path: str, scope: str
) -> None:
    """Its own scope is enough, and all others together aren't."""
    others = emulator.mint_token(scopes=sorted(ALL_SCOPES - {scope}))
    refused = _ask(anonymous, method, path, others)
    assert refused.status_code == 403
    assert scope in refused.json()["detail"]
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith(
        f'Bearer realm="Account API", error="insufficient_scope", scope="{scope}"'
    )
    own = emulator.mint_token(scopes=[scope])
    assert _ask(anonymous, method, path, own).status_code in {200, 404}


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
def test_operation_without_a_token_is_refused(
    anonymous: httpx.Client, method: str, path: str, scope: str
) -> None:
    """Every operation needs an access token."""
    answer = _ask(anonymous, method, path, None)
    assert answer.status_code == 401, scope
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Account API"'
    assert isinstance(answer.json()["detail"], str)


def test_data_api_key_is_no_access_token(http: httpx.Client, app_id: str) -> None:
    """A data API key is no access token for the Account API."""
    key = http.post(f"/service/v1/apps/{app_id}/keys", json={"api_key_name": "k"}).json()
    answer = _ask(http, "GET", "/service/v1/apps", key["raw_api_key"])
    assert answer.status_code == 401


def test_forged_token_is_refused(anonymous: httpx.Client, emulator: Emulator) -> None:
    """A wrong signature and another scheme are refused."""
    forged = emulator.access_token[:-4] + "AAAA"
    answer = _ask(anonymous, "GET", "/service/v1/apps", forged)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    basic = anonymous.get("/service/v1/apps", auth=("user", emulator.access_token))
    assert basic.status_code == 401


def test_token_expires_by_the_emulators_clock(anonymous: httpx.Client, emulator: Emulator) -> None:
    """Expiry is judged by the shifted time."""
    token = emulator.mint_token(lifetime_seconds=60)
    assert _ask(anonymous, "GET", "/service/v1/apps", token).status_code == 200
    emulator.set_clock(61)
    answer = _ask(anonymous, "GET", "/service/v1/apps", token)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Access token has expired"})
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_first_token_never_expires_and_survives_a_reset(
    anonymous: httpx.Client, emulator: Emulator
) -> None:
    """The token of the ready file is valid as long as the emulator runs."""
    emulator.set_clock(100 * 365 * 86_400)
    assert _ask(anonymous, "GET", "/service/v1/apps", emulator.access_token).status_code == 200
    emulator.reset()
    assert _ask(anonymous, "GET", "/service/v1/apps", emulator.access_token).status_code == 200


def test_other_tokens_end_with_a_reset(anonymous: httpx.Client, emulator: Emulator) -> None:
    """A reset revokes the tokens of the test before."""
    token = emulator.mint_token()
    emulator.reset()
    assert _ask(anonymous, "GET", "/service/v1/apps", token).status_code == 401


def test_organizations_do_not_see_each_other(http: httpx.Client, emulator: Emulator) -> None:
    """A token is valid for its own organization only."""
    http.post("/service/v1/apps", json={"app_name": "mine"}).raise_for_status()
    other = emulator.add_org(org_name="Other")
    apps = _ask(http, "GET", "/service/v1/apps", other["access_token"]).json()["apps"]
    assert [(app["app_name"], app["org_name"]) for app in apps] == [("parallel-cli Users", "Other")]


@pytest.mark.parametrize("path", [STATE, "/", "/getServiceKeys/device", "/service/v1/apps"])
@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "10.0.0.1", ""])
def test_other_host_names_are_misdirected(anonymous: httpx.Client, path: str, host: str) -> None:
    """A name that points to this machine (DNS rebinding) is refused."""
    assert anonymous.get(path, headers={"Host": host}).status_code == 421


def test_every_loopback_name_is_answered(anonymous: httpx.Client, emulator: Emulator) -> None:
    """All names and addresses of this machine are accepted."""
    port = urlsplit(emulator.url).port
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}", "127.0.0.1"):
        assert anonymous.get(STATE, headers={"Host": host}).status_code == 200
