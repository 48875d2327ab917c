"""The sign-in of a program: device codes (RFC 8628), refresh tokens, revocation."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import OAuthProgram


def _signed_in(program: OAuthProgram, emulator: Emulator) -> dict[str, Any]:
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve")
    return dict(program.redeem(code).raise_for_status().json())


def _error(answer: httpx.Response) -> str:
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description"}
    return str(answer.json()["error"])


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
    tokens = _signed_in(program, emulator)
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 420
    assert tokens["refresh_token_expires_in"] == 30 * 86_400
    assert tokens["authorization_expires_in"] == 90 * 86_400
    assert (tokens["org_id"], tokens["org_name"]) == (emulator.org_id, "Example Organization")
    assert len(tokens["scope"].split()) == 8
    assert program.may_list_apps(tokens)


def test_access_token_looks_like_a_jwt(program: OAuthProgram, emulator: Emulator) -> None:
    """It has three parts, and the second has the organization and the expiry."""
    access_token = _signed_in(program, emulator)["access_token"]
    header, claims, signature = access_token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert json.loads(base64.urlsafe_b64decode(header + "=="))["typ"] == "JWT"
    assert decoded["org_id"] == emulator.org_id
    assert decoded["exp"] - decoded["iat"] == 420
    assert signature


def test_only_the_requested_scopes_are_granted(program: OAuthProgram, emulator: Emulator) -> None:
    """A token without a scope can't use what needs it."""
    code = program.start(scope="balance:read")
    emulator.decide_sign_in(code["user_code"], "approve")
    tokens = program.redeem(code).json()
    assert tokens["scope"] == "balance:read"
    assert not program.may_list_apps(tokens)


def test_poll_before_the_decision_is_pending_and_too_soon_is_slowed_down(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Each poll that comes too soon makes the interval five seconds longer."""
    code = program.start()
    assert _error(program.redeem(code)) == "authorization_pending"
    assert _error(program.redeem(code)) == "slow_down"
    emulator.set_clock(6)
    assert _error(program.redeem(code)) == "slow_down"
    emulator.set_clock(6 + 15)
    assert _error(program.redeem(code)) == "authorization_pending"
    emulator.decide_sign_in(code["user_code"], "approve")
    assert program.redeem(code).status_code == 200


def test_denied_code_is_refused(program: OAuthProgram, emulator: Emulator) -> None:
    """The person denied the sign-in."""
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "deny")
    assert _error(program.redeem(code)) == "access_denied"


def test_expired_code_is_refused_even_if_it_was_approved(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Approval doesn't extend a code's lifetime."""
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve")
    emulator.set_clock(601)
    assert _error(program.redeem(code)) == "expired_token"


def test_code_is_redeemed_once_and_only_by_its_own_program(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Another program gets no tokens, and neither does a second request."""
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve")
    owner = program.client_id
    program.register("another")
    assert _error(program.redeem(code)) == "invalid_grant"
    program.client_id = owner
    assert program.redeem(code).status_code == 200
    assert _error(program.redeem(code)) == "invalid_grant"


def test_unknown_client_is_named_as_the_official_client_expects(
    program: OAuthProgram, anonymous: httpx.Client
) -> None:
    """The official client searches for exactly this text, and registers again."""
    form = {"client_id": "client_of_yesterday", "scope": ""}
    answer = anonymous.post("/getServiceKeys/device/code", data=form)
    assert _error(answer) == "invalid_client"
    assert '"error":"invalid_client"' in answer.text
    assert "Unknown client_id" in answer.text
    program.client_id = "client_of_yesterday"
    assert _error(program.refresh({"refresh_token": "rt_x"})) == "invalid_client"


def test_auto_approve_needs_no_person(program: OAuthProgram, emulator: Emulator) -> None:
    """The first poll gets tokens."""
    emulator.set_settings(auto_approve=True)
    assert program.redeem(program.start()).status_code == 200


def test_refresh_gives_a_new_pair_and_both_access_tokens_work(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """A refresh doesn't revoke the access token before."""
    first = _signed_in(program, emulator)
    second = program.refresh(first).raise_for_status().json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert program.may_list_apps(first)
    assert program.may_list_apps(second)


def test_second_use_of_a_refresh_token_revokes_the_whole_grant(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """The later tokens of the grant become invalid too, and its access tokens."""
    first = _signed_in(program, emulator)
    second = program.refresh(first).json()
    assert _error(program.refresh(first)) == "invalid_grant"
    assert _error(program.refresh(second)) == "invalid_grant"
    assert not program.may_list_apps(second)


def test_other_grants_survive_a_revoked_one(program: OAuthProgram, emulator: Emulator) -> None:
    """Two sign-ins of one program are two grants."""
    lost, kept = _signed_in(program, emulator), _signed_in(program, emulator)
    program.revoke(lost).raise_for_status()
    assert _error(program.refresh(lost)) == "invalid_grant"
    assert program.refresh(kept).status_code == 200


def test_revoking_ends_the_grant_and_an_unknown_token_is_no_error(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """Revoking always succeeds (RFC 7009), and revokes the access token too."""
    tokens = _signed_in(program, emulator)
    assert program.revoke(tokens).status_code == 200
    assert program.revoke(tokens).status_code == 200
    assert program.revoke({"refresh_token": "rt_never_seen"}).status_code == 200
    assert not program.may_list_apps(tokens)


def test_refresh_token_of_another_program_is_refused(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """A refresh token is valid only for the program that got it."""
    tokens = _signed_in(program, emulator)
    program.register("another")
    assert _error(program.refresh(tokens)) == "invalid_grant"


def test_everything_expires_by_the_clock(program: OAuthProgram, emulator: Emulator) -> None:
    """The access token expires, then the refresh token, at the latest with the authorization."""
    emulator.set_settings(token_lifetime_seconds=2, authorization_lifetime_seconds=40 * 86_400)
    tokens = _signed_in(program, emulator)
    assert tokens["expires_in"] == 2
    emulator.set_clock(3)
    assert not program.may_list_apps(tokens)
    emulator.set_clock(29 * 86_400)
    tokens = program.refresh(tokens).raise_for_status().json()
    assert tokens["authorization_expires_in"] == pytest.approx(11 * 86_400, abs=5)
    assert tokens["refresh_token_expires_in"] == tokens["authorization_expires_in"]
    emulator.set_clock(41 * 86_400)
    assert _error(program.refresh(tokens)) == "invalid_grant"


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
        ({"grant_type": ["refresh_token", "refresh_token"]}, "invalid_request"),
    ],
)
def test_bad_token_request_is_refused(
    anonymous: httpx.Client, form: dict[str, Any], error: str
) -> None:
    """Missing, repeated and unknown parameters are OAuth errors."""
    assert _error(anonymous.post("/getServiceKeys/token", data=form)) == error


def test_token_request_that_is_no_form_is_refused(anonymous: httpx.Client) -> None:
    """OAuth requires a form body (RFC 6749, 3.2)."""
    assert _error(anonymous.post("/getServiceKeys/token", json={})) == "invalid_request"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = anonymous.post("/getServiceKeys/token", content=b"\xff\xfe", headers=headers)
    assert _error(answer) == "invalid_request"


def test_unknown_scope_is_refused(anonymous: httpx.Client) -> None:
    """A misspelt scope is an error (RFC 6749, 4.1.2.1)."""
    form = {"client_id": "parallel-cli", "scope": "apps:read apps:destroy"}
    assert _error(anonymous.post("/getServiceKeys/device/code", data=form)) == "invalid_scope"


def test_answers_with_tokens_are_not_cached(program: OAuthProgram, emulator: Emulator) -> None:
    """Tokens and device codes must not be cached (RFC 6749, 5.1)."""
    code = program.start()
    emulator.decide_sign_in(code["user_code"], "approve")
    assert program.redeem(code).headers["Cache-Control"] == "no-store"
    assert program.redeem(code).headers["Cache-Control"] == "no-store"


def test_sign_in_requests_are_counted(program: OAuthProgram, emulator: Emulator) -> None:
    """Tests can count the refreshes that reached the server."""
    program.register()
    tokens = _signed_in(program, emulator)
    program.refresh(tokens)
    assert emulator.state()["requests"] == {
        "POST /getServiceKeys/register": 1,
        "POST /getServiceKeys/device/code": 1,
        "POST /getServiceKeys/token": 2,
    }
