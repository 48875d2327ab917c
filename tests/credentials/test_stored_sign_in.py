"""The stored sign-in as a source of tokens, with the real refresh worker and the emulator."""

from __future__ import annotations

import logging
import time

import pytest

from parallel_provider.api import AccountApi, AuthenticationError
from parallel_provider.credentials.sources import choose_source
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.errors import CredentialsError
from parallel_provider.settings import Settings
from tests.credentials.sign_ins import SignIn

TOKEN = "/getServiceKeys/token"


def source_of(signed_in: SignIn) -> TokenSource:
    """Return the source that the provider would use."""
    return choose_source(Settings.load(lambda _: None, signed_in.environment))


def value(source: TokenSource) -> str:
    """Return the source's token as text."""
    return source.get().value.get_secret_value()


def test_fresh_token_is_used_without_a_request(signed_in: SignIn) -> None:
    """A stored token that hasn't expired is used."""
    before = signed_in.refreshes
    assert value(source_of(signed_in)) == signed_in.tokens["access_token"]
    assert signed_in.refreshes == before


def test_expired_token_is_refreshed_and_stored_before_it_is_used(signed_in: SignIn) -> None:
    """The new pair is in the file, and the other fields are kept."""
    signed_in.expire()
    before = signed_in.document
    token = value(source_of(signed_in))
    after = signed_in.document
    assert token == signed_in.tokens["access_token"]
    assert signed_in.tokens["refresh_token"] not in str(before)
    assert signed_in.tokens["access_token_expires_at"] > time.time() + 400
    assert after["client_id"] == before["client_id"]
    assert signed_in.path.stat().st_mode & 0o77 == 0


def test_401_during_a_run_causes_one_refresh(signed_in: SignIn) -> None:
    """If the server refuses a token early, it is renewed, and the request is sent again."""
    emulator = signed_in.emulator
    source = source_of(signed_in)
    emulator.add_fault("status", method="GET", path="/service/v1/balance", status=401)
    with AccountApi(emulator.url, source) as api:
        old = value(source)
        assert api.get_balance().org_id == emulator.org_id
    assert value(source) == signed_in.tokens["access_token"] != old


def test_401_again_is_final(signed_in: SignIn) -> None:
    """If the new token is refused too, the request isn't sent a third time."""
    emulator = signed_in.emulator
    path = "/service/v1/balance"
    emulator.add_fault("status", method="GET", path=path, status=401, times=9)
    before = signed_in.refreshes
    with AccountApi(emulator.url, source_of(signed_in)) as api, pytest.raises(AuthenticationError):
        api.get_balance()
    assert emulator.state()["requests"][f"GET {path}"] == 2
    assert signed_in.refreshes == before + 1


def test_token_that_another_program_has_stored_is_used(signed_in: SignIn) -> None:
    """If another program has refreshed, its token is used, and nothing is sent."""
    source = source_of(signed_in)
    old = source.get()
    signed_in.sign_in()
    before = signed_in.refreshes
    renewed = source.renew(old)
    assert renewed is not None
    assert renewed.value.get_secret_value() == signed_in.tokens["access_token"]
    assert signed_in.refreshes == before


def test_run_stays_with_its_organization(signed_in: SignIn) -> None:
    """If somebody signs in to another organization, the run stays with the first one."""
    source = source_of(signed_in)
    first_org = signed_in.document["selected_org_id"]
    other = signed_in.emulator.add_org(org_name="Other")
    assert signed_in.sign_in(other["org_id"]) != first_org
    document = signed_in.document
    document["orgs"][first_org]["control_api"]["access_token_expires_at"] = 0
    signed_in.document = document
    assert value(source) == signed_in.document["orgs"][first_org]["control_api"]["access_token"]


def test_lost_answer_says_to_sign_in_again(signed_in: SignIn) -> None:
    """If the answer with the new tokens is lost, the error says to sign in again."""
    signed_in.expire()
    signed_in.emulator.add_fault("drop_after", path=TOKEN)
    with pytest.raises(CredentialsError, match=r"was lost.*parallel-provider login") as caught:
        source_of(signed_in).get()
    signed_in.assert_no_secret_in(str(caught.value))


def test_debug_log_of_a_run_holds_no_token(
    signed_in: SignIn, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the logs nor any output show a token."""
    signed_in.expire()
    with caplog.at_level(logging.DEBUG):
        source = source_of(signed_in)
        with AccountApi(signed_in.emulator.url, source) as api:
            api.get_balance()
    captured = capfd.readouterr()
    everything = caplog.text + captured.out + captured.err + repr(source.get()) + repr(source)
    assert "send_request_headers" in caplog.text
    signed_in.assert_no_secret_in(everything)
