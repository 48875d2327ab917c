"""Two OAuth libraries of other authors sign in by device code and refresh.

They check that the emulator follows the RFCs, independently of this project's client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import DeviceClient, InvalidGrantError
from requests_oauthlib import OAuth2Session as OAuthlibSession

from parallel_provider.testing.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import OAuthProgram

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture(autouse=True)
def _allow_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the libraries use plain HTTP, as the emulator has no certificate."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    # Proxies of the environment must not be used for a local address.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def token_url(emulator: Emulator) -> str:
    """Give the address of the token endpoint."""
    return f"{emulator.url}/getServiceKeys/token"


def _status_of_app_list(session: Any, emulator: Emulator) -> int:  # noqa: ANN401 - a session of either library
    return int(session.get(f"{emulator.url}/service/v1/apps").status_code)


def test_authlib_signs_in_and_refreshes(
    program: OAuthProgram, emulator: Emulator, token_url: str
) -> None:
    """It waits for the approval, gets tokens, refreshes them, and notices a used refresh token."""
    program.register()
    code = program.start()
    with AuthlibSession(program.client_id, token_endpoint_auth_method="none") as session:

        def fetch_token() -> dict[str, Any]:
            return dict(
                session.fetch_token(
                    token_url, grant_type=DEVICE_CODE_GRANT, device_code=code["device_code"]
                )
            )

        with pytest.raises(OAuthError, match="authorization_pending"):
            fetch_token()
        with pytest.raises(OAuthError, match="slow_down"):
            fetch_token()
        emulator.decide_sign_in(code["user_code"], "approve")
        first = fetch_token()
        assert _status_of_app_list(session, emulator) == 200
        second = dict(session.refresh_token(token_url))
        assert second["refresh_token"] != first["refresh_token"]
        assert _status_of_app_list(session, emulator) == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            session.refresh_token(token_url, refresh_token=first["refresh_token"])


def test_oauthlib_signs_in_and_refreshes(
    program: OAuthProgram, emulator: Emulator, token_url: str
) -> None:
    """It checks token types and scopes of the answers on its own."""
    program.register()
    code = program.start("apps:read balance:read")
    emulator.decide_sign_in(code["user_code"], "approve")
    client = DeviceClient(program.client_id)
    with OAuthlibSession(client=client, scope=["apps:read", "balance:read"]) as session:
        first = session.fetch_token(
            token_url, device_code=code["device_code"], include_client_id=True
        )
        assert _status_of_app_list(session, emulator) == 200
        second = session.refresh_token(token_url)
        assert second["refresh_token"] != first["refresh_token"]
        assert _status_of_app_list(session, emulator) == 200
        with pytest.raises(InvalidGrantError):
            session.refresh_token(token_url, refresh_token=first["refresh_token"])
