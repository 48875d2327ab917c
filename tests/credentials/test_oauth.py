"""The sign-in's endpoints over HTTP: answers, refusals, and answers that can't be used."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.oauth import SignInServer
from parallel_provider.emulator.control_models import FaultKind
from parallel_provider.errors import OAuthError, SignInUnavailableError
from parallel_provider.testing.emulator import Emulator
from tests.credentials.sign_ins import SignIn

TOKEN = "/getServiceKeys/token"


@pytest.fixture
def server(emulator: Emulator) -> Iterator[SignInServer]:
    """Give the client of the emulator's sign-in."""
    with SignInServer(emulator.url, seconds=2.0) as server:
        yield server


def refresh(server: SignInServer, signed_in: SignIn) -> None:
    """Use the stored refresh token."""
    server.refresh(signed_in.document["client_id"], SecretStr(signed_in.tokens["refresh_token"]))


@pytest.mark.parametrize("kind", ["drop_after", "truncate", "garbage", "hang"])
def test_lost_answer_may_have_worked(
    emulator: Emulator, server: SignInServer, signed_in: SignIn, kind: FaultKind
) -> None:
    """If no usable answer came, the error says that the server may have carried the request out."""
    emulator.add_fault(kind, path=TOKEN)
    with pytest.raises(SignInUnavailableError) as caught:
        refresh(server, signed_in)
    assert caught.value.may_have_worked
    signed_in.assert_no_secret_in(str(caught.value))


def test_server_error_may_have_worked(
    emulator: Emulator, server: SignInServer, signed_in: SignIn
) -> None:
    """After a proxy's error page, the server may have carried the request out."""
    body = "<html>Bad gateway</html>"
    emulator.add_fault("status", path=TOKEN, status=502, body=body)
    with pytest.raises(SignInUnavailableError, match="502") as caught:
        refresh(server, signed_in)
    assert caught.value.may_have_worked


def test_too_many_requests_can_not_have_worked(
    emulator: Emulator, server: SignInServer, signed_in: SignIn
) -> None:
    """A 429 says when to come back, and that nothing was done."""
    emulator.add_fault("status", path=TOKEN, status=429, headers={"Retry-After": "7"})
    with pytest.raises(SignInUnavailableError) as caught:
        refresh(server, signed_in)
    assert not caught.value.may_have_worked
    assert caught.value.retry_after == 7


def test_unreachable_server_can_not_have_worked() -> None:
    """Nothing was sent, and the error says what to check."""
    with (
        SignInServer("http://127.0.0.1:1") as server,
        pytest.raises(SignInUnavailableError, match=r"127.0.0.1:1 can't be reached") as caught,
    ):
        server.register_client()
    assert not caught.value.may_have_worked


def test_secrets_that_the_server_repeats_are_masked(
    emulator: Emulator, server: SignInServer, signed_in: SignIn
) -> None:
    """If the server quotes a token in its refusal, the error shows a mask in its place."""
    description = (
        f"bad token {signed_in.tokens['refresh_token']} {signed_in.tokens['access_token']}"
    )
    body = {"error": "invalid_request", "error_description": description}
    emulator.add_fault("status", path=TOKEN, status=400, body=body)
    with pytest.raises(OAuthError, match=r"bad token \*\*\*") as caught:
        refresh(server, signed_in)
    signed_in.assert_no_secret_in(str(caught.value))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "invalid_grant", "error_description": None}, "(invalid_grant)"),
        ({"error": "invalid_grant", "error_description": ["odd"]}, "(invalid_grant)"),
        ({"error": "invalid_grant", "detail": "used before"}, "(invalid_grant used before)"),
    ],
)
def test_code_of_a_refusal_is_known_whatever_else_it_has(
    emulator: Emulator, server: SignInServer, signed_in: SignIn, body: dict[str, object], words: str
) -> None:
    """The code decides what is done next. A description is only shown."""
    emulator.add_fault("status", path=TOKEN, status=400, body=body)
    with pytest.raises(OAuthError) as caught:
        refresh(server, signed_in)
    assert caught.value.code == "invalid_grant"
    assert words in str(caught.value)


def test_debug_log_of_a_refresh_holds_no_token(
    server: SignInServer, signed_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    """The HTTP library's log doesn't contain bodies, and tokens are only in bodies."""
    with caplog.at_level(logging.DEBUG):
        document = signed_in.document
        grant = server.refresh(document["client_id"], SecretStr(signed_in.tokens["refresh_token"]))
    assert "send_request_headers" in caplog.text
    signed_in.assert_no_secret_in(caplog.text + repr(grant) + str(grant))
    assert grant.access_token is not None
    assert grant.access_token.get_secret_value() not in caplog.text
