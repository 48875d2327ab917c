"""The tokens of a sign-in: refresh, scopes, revocation, expiry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator
from tests.emulator.conftest import oauth_error

if TYPE_CHECKING:
    from tests.emulator.conftest import OAuthProgram


def test_refresh_gives_a_new_pair_and_both_access_tokens_work(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """A refresh doesn't revoke the access token before."""
    first = program.sign_in(emulator)
    second = program.refresh(first).raise_for_status().json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert program.may_list_apps(first)
    assert program.may_list_apps(second)


def test_second_use_of_a_refresh_token_revokes_the_whole_grant(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """The later refresh token becomes invalid too. The access token is valid until it expires."""
    first = program.sign_in(emulator)
    second = program.refresh(first).json()
    assert oauth_error(program.refresh(first)) == "invalid_grant"
    assert oauth_error(program.refresh(second)) == "invalid_grant"
    assert program.may_list_apps(second)


def test_revoking_ends_the_refresh_tokens_of_one_grant(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """It always succeeds (RFC 7009), and ends no access token before that one expires."""
    lost, kept = program.sign_in(emulator), program.sign_in(emulator)
    for tokens in (lost, lost, {"refresh_token": "rt_never_seen"}):
        assert program.revoke(tokens).status_code == 200
    assert oauth_error(program.refresh(lost)) == "invalid_grant"
    assert program.refresh(kept).status_code == 200
    assert program.may_list_apps(lost)
    emulator.set_clock(421)
    assert not program.may_list_apps(lost)


def test_refresh_needs_no_client_id(
    program: OAuthProgram, anonymous: httpx.Client, emulator: Emulator
) -> None:
    """The refresh token alone is enough."""
    form = {
        "grant_type": "refresh_token",
        "refresh_token": program.sign_in(emulator)["refresh_token"],
    }
    answer = anonymous.post("/getServiceKeys/token", data=form).raise_for_status()
    assert program.may_list_apps(answer.json())


def test_refresh_without_rotation_has_no_new_refresh_token(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """With this setting, the old refresh token stays valid (RFC 6749, 6)."""
    emulator.set_settings(rotate_refresh_tokens=False)
    tokens = program.sign_in(emulator)
    for _ in range(2):
        answer = program.refresh(tokens).raise_for_status().json()
        assert not {"refresh_token", "refresh_token_expires_in"} & set(answer)
        assert program.may_list_apps(answer)
    emulator.set_settings(rotate_refresh_tokens=True)
    assert "refresh_token" in program.refresh(tokens).json()
    assert oauth_error(program.refresh(tokens)) == "invalid_grant"


def test_refresh_may_narrow_the_scope_of_one_access_token(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """The next refresh without a scope has all scopes of the sign-in again (RFC 6749, 6)."""
    tokens = program.sign_in(emulator, scope="apps:read balance:read")
    narrow = program.refresh(tokens, scope="balance:read").raise_for_status().json()
    assert narrow["scope"] == "balance:read"
    assert not program.may_list_apps(narrow)
    wide = program.refresh(narrow).raise_for_status().json()
    assert wide["scope"] == "apps:read balance:read"
    assert program.may_list_apps(wide)


@pytest.mark.parametrize("scope", ["apps:read apps:create", "apps:destroy"])
def test_refresh_with_a_wider_scope_is_refused(
    program: OAuthProgram, emulator: Emulator, scope: str
) -> None:
    """The refresh token isn't used by the refused request."""
    tokens = program.sign_in(emulator, scope="apps:read")
    assert oauth_error(program.refresh(tokens, scope=scope)) == "invalid_scope"
    assert program.refresh(tokens).status_code == 200


def test_refresh_token_of_another_program_is_refused(
    program: OAuthProgram, emulator: Emulator
) -> None:
    """A refresh token is valid only for the program that got it."""
    tokens = program.sign_in(emulator)
    program.register("another")
    assert oauth_error(program.refresh(tokens)) == "invalid_grant"


def test_everything_expires_by_the_clock(program: OAuthProgram, emulator: Emulator) -> None:
    """The access token expires, then the refresh token, at the latest with the authorization."""
    emulator.set_settings(token_lifetime_seconds=2, authorization_lifetime_seconds=40 * 86_400)
    tokens = program.sign_in(emulator)
    assert tokens["expires_in"] == 2
    emulator.set_clock(3)
    assert not program.may_list_apps(tokens)
    emulator.set_clock(29 * 86_400)
    tokens = program.refresh(tokens).raise_for_status().json()
    assert tokens["authorization_expires_in"] == pytest.approx(11 * 86_400, abs=5)
    assert tokens["refresh_token_expires_in"] == tokens["authorization_expires_in"]
    emulator.set_clock(41 * 86_400)
    assert oauth_error(program.refresh(tokens)) == "invalid_grant"


def test_answers_with_codes_and_tokens_are_not_cached(
    program: OAuthProgram, anonymous: httpx.Client, emulator: Emulator
) -> None:
    """Nor client ids and errors (RFC 6749, 5.1; RFC 7591, 3.2.1; RFC 8628, 3.2)."""
    registered = anonymous.post("/getServiceKeys/register", json={"client_name": "a program"})
    form = {"client_id": registered.json()["client_id"]}
    started = anonymous.post("/getServiceKeys/device/code", data=form)
    for answer in (registered, started):
        assert answer.raise_for_status().headers["Cache-Control"] == "no-store"
    tokens = program.sign_in(emulator)
    for answer in (program.refresh(tokens), program.refresh(tokens), program.revoke(tokens)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Pragma"] == "no-cache"
