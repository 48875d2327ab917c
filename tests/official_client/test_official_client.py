"""The official client and ours use one emulator and one sign-in file, in turns."""

from __future__ import annotations

import json

import pytest

from tests.credentials.sign_ins import SignIn
from tests.official_client.conftest import Client

# The first test may have to install the client.
pytestmark = pytest.mark.timeout(400)


def balance_by(official: Client) -> float:
    """Return the balance in cents as the official client prints it."""
    cents: float = json.loads(official("balance", "--json", "get").stdout)["credit_balance_cents"]
    return cents


def test_official_client_works_against_the_emulator(official: Client, shared: SignIn) -> None:
    """It signs in, creates its data key, reads and adds balance, and signs out."""
    official("login", "--no-browser")
    status = json.loads(official("auth", "--json").stdout)
    assert status["selected_org_id"] == shared.emulator.org_id
    assert status["has_control_api_tokens"]
    before = balance_by(official)
    official("balance", "add", "1500")
    assert balance_by(official) == before + 1500
    (charge,) = shared.emulator.state()["charges"]
    assert charge["amount_cents"] == 1500
    official("logout")
    assert not shared.path.exists()


def test_our_command_line_uses_the_official_sign_in(
    official: Client, ours: Client, shared: SignIn
) -> None:
    """A sign-in with the official client works for ours too, and its data key stays."""
    official("login", "--no-browser")
    data_key = shared.document["orgs"][shared.emulator.org_id]["api_key"]
    assert data_key
    shared.secrets.add(data_key)
    shared.expire()
    ours("balance")
    assert shared.document["orgs"][shared.emulator.org_id]["api_key"] == data_key


def test_official_client_uses_our_sign_in(official: Client, ours: Client, shared: SignIn) -> None:
    """A sign-in with ours works for the official client too."""
    ours("login")
    shared.emulator.set_org(credit_balance_cents=4321)
    assert balance_by(official) == 4321


def test_both_refresh_the_same_sign_in_in_turns(
    official: Client, ours: Client, shared: SignIn
) -> None:
    """Each client uses the tokens that the other client's refresh has stored."""
    ours("login")
    seen = {shared.tokens["refresh_token"]}
    refreshes = shared.refreshes
    for turn in range(4):
        shared.expire()
        if turn % 2:
            ours("balance")
        else:
            official("balance", "get")
        seen.add(shared.tokens["refresh_token"])
    assert shared.refreshes == refreshes + 4
    assert len(seen) == 5
    assert shared.path.stat().st_mode & 0o77 == 0


def test_our_sign_out_leaves_the_official_clients_data_key(
    official: Client, ours: Client, shared: SignIn
) -> None:
    """The data key isn't ours and stays. The sign-in is removed for both."""
    official("login", "--no-browser")
    data_key = shared.document["orgs"][shared.emulator.org_id]["api_key"]
    ours("logout")
    assert shared.document["orgs"][shared.emulator.org_id]["api_key"] == data_key
    status = json.loads(official("auth", "--json").stdout)
    assert status["has_stored_credentials"]
    assert not status["has_control_api_tokens"]


@pytest.mark.parametrize("first", ["official", "ours"])
def test_sign_in_without_a_registered_client_serves_both(
    official: Client, ours: Client, shared: SignIn, first: str
) -> None:
    """Registering fails, and both go on with `parallel-cli`. A later login registers."""
    shared.emulator.add_fault("status", path="/getServiceKeys/register", status=503)
    if first == "official":
        official("login", "--no-browser")
    else:
        ours("login")
        shared.expire()
        official("balance", "get")
    shared.expire()
    ours("balance")
    ours("login")
    assert shared.document["client_id"].startswith("client_")


def test_file_of_an_old_official_client_serves_both(
    official: Client, ours: Client, shared: SignIn
) -> None:
    """It has a data key alone. A sign-in with ours keeps that for the official client."""
    shared.path.parent.mkdir(parents=True)
    shared.path.touch(0o600)
    shared.path.write_text(json.dumps({"access_token": "data-key"}))
    shared.secrets.add("data-key")
    assert json.loads(official("auth", "--json").stdout)["has_stored_credentials"]

    ours("login")
    ours("balance")
    official("balance", "get")
    assert shared.document["orgs"]["legacy"]["api_key"] == "data-key"

    ours("logout")
    assert json.loads(official("auth", "--json").stdout)["selected_org_id"] == "legacy"
    ours("login")
    official("login", "--no-browser")
    assert "legacy" not in shared.document["orgs"]
    ours("balance")


def test_official_auth_asks_for_a_data_key(official: Client, ours: Client, shared: SignIn) -> None:
    """So it says "Not authenticated" after our sign-in, which makes no key, and then works."""
    ours("login")
    assert "Not authenticated" in official("auth").stdout
    assert shared.emulator.state()["keys"] == []
    assert balance_by(official) == shared.emulator.state()["org"]["credit_balance_cents"]
