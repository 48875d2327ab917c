"""The sign-in of a program: its device code (RFC 8628), and the first tokens."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator
from tests.emulator.conftest import oauth_error

if TYPE_CHECKING:
    from tests.emulator.conftest import OAuthProgram


def test_device_code_answer_has_what_a_program_needs(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Both addresses are the emulator's, and the complete one contains the code."""
    program.register()
    code = program.start()
    assert set(code) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
        "interval",
    }
    assert (code["expires_in"], code["interval"]) == (600, 5)
    complete = urlsplit(code["verification_uri_complete"])
    assert code["verification_uri"] == f"{emulator.url}{complete.path}"
    assert parse_qs(complete.query) == {"user_code": [code["user_code"]]}


def test_approved_code_gets_tokens_that_the_api_accepts(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """The answer has every field that the official client reads."""
    program.register()
    tokens = program.sign_in(emulator)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 420
    assert tokens["refresh_token_expires_in"] == 30 * 86_400
    assert tokens["authorization_expires_in"] == 90 * 86_400
    assert (tokens["org_id"], tokens["org_name"]) == (emulator.org_id, "Example Organization")
    assert len(tokens["scope"].split()) == 8
    assert program.may_list_apps(tokens)
    # The access token looks like a JWT.
    header, claims, signature = tokens["access_token"].split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["typ"] == "JWT"
    assert decoded["org_id"] == emulator.org_id
    assert decoded["exp"] - decoded["iat"] == 420
    assert signature


def test_poll_before_the_decision_is_pending_and_too_soon_is_slowed_down(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Each poll that comes too soon makes the interval five seconds longer."""
    code = program.start()
    assert oauth_error(program.redeem(code)) == "authorization_pending"
    assert oauth_error(program.redeem(code)) == "slow_down"
    emulator.set_clock(6)
    assert oauth_error(program.redeem(code)) == "slow_down"
    emulator.set_clock(6 + 15)
    assert oauth_error(program.redeem(code)) == "authorization_pending"
    emulator.decide_sign_in(code["user_code"], "approve")
    assert program.redeem(code).status_code == 200


def test_expired_code_is_refused_even_if_it_was_approved(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Approval doesn't extend a code's lifetime."""
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve")
    emulator.set_clock(601)
    assert oauth_error(program.redeem(code)) == "expired_token"


def test_code_is_redeemed_once_and_only_by_its_own_program(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Another program gets no tokens, and neither does a second request."""
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve")
    owner = program.client_id
    program.register("another")
    assert oauth_error(program.redeem(code)) == "invalid_grant"
    program.client_id = owner
    assert program.redeem(code).status_code == 200
    assert oauth_error(program.redeem(code)) == "invalid_grant"


def test_unknown_client_is_named_as_the_official_client_expects(
    program: OAuthProgram, anonymous: httpx.Client
) -> None:
    """The official client searches for exactly this text, and registers again."""
    form = {"client_id": "client_of_yesterday", "scope": ""}
    answer = anonymous.post("/getServiceKeys/device/code", data=form)
    assert oauth_error(answer, status=401) == "invalid_client"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["Cache-Control"] == "no-store"
    assert '"error":"invalid_client"' in answer.text
    assert "Unknown client_id" in answer.text
    program.client_id = "client_of_yesterday"
    refused = program.refresh({"refresh_token": "rt_x"})
    assert oauth_error(refused, status=401) == "invalid_client"


def test_tokens_are_for_the_organization_chosen_at_approval(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """A person with two organizations signs in to one of them."""
    other = emulator.add_org(org_name="Other")
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve", org_id=other["org_id"])
    tokens = program.redeem(code).json()
    assert (tokens["org_id"], tokens["org_name"]) == (other["org_id"], "Other")
    assert program.refresh(tokens).json()["org_id"] == other["org_id"]


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "refresh_token", "client_id": "parallel-cli"}, "invalid_request"),
        ({"grant_type": "password", "client_id": "parallel-cli"}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ["refresh_token", "refresh_token"]}, "invalid_request"),
    ],
)
def test_bad_token_request_is_refused(
    anonymous: httpx.Client, form: dict[str, Any], error: str
) -> None:
    """Missing, repeated and unknown parameters are OAuth errors."""
    assert oauth_error(anonymous.post("/getServiceKeys/token", data=form)) == error


def test_token_request_that_is_no_form_is_refused(anonymous: httpx.Client) -> None:
    """OAuth requires a form body (RFC 6749, 3.2)."""
    assert oauth_error(anonymous.post("/getServiceKeys/token", json={})) == "invalid_request"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = anonymous.post("/getServiceKeys/token", content=b"\xff\xfe", headers=headers)
    assert oauth_error(answer) == "invalid_request"


def test_unknown_scope_is_refused(anonymous: httpx.Client) -> None:
    """A misspelt scope is an error (RFC 6749, 4.1.2.1)."""
    form = {"client_id": "parallel-cli", "scope": "apps:read apps:destroy"}
    assert oauth_error(anonymous.post("/getServiceKeys/device/code", data=form)) == "invalid_scope"


def test_sign_in_creates_the_app_of_the_official_client_again(
    program: OAuthProgram, http: httpx.Client, emulator: Emulator
) -> None:
    """The official client needs the app `parallel-cli Users`, so a sign-in makes sure of it."""
    (deleted,) = http.get("/service/v1/apps").json()["apps"]
    http.delete(f"/service/v1/apps/{deleted['app_id']}").raise_for_status()
    program.sign_in(emulator)
    (app,) = http.get("/service/v1/apps").json()["apps"]
    assert app["app_name"] == "parallel-cli Users"
    assert app["app_id"] != deleted["app_id"]
    program.sign_in(emulator)
    assert len(emulator.state()["apps"]) == 1
