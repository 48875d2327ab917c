"""An OAuth library of other authors signs in by device code and refreshes.

It checks that the emulator follows the RFCs, independently of this project's client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from parallel_provider.testing.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import OAuthProgram

DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def test_authlib_signs_in_and_refreshes(
    program: OAuthProgram, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the approval, gets tokens, refreshes them, and notices a used refresh token."""
    # Plain HTTP, as the emulator has no certificate.
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    program.register()
    code = program.start("apps:read balance:read")
    token_url = f"{emulator.url}/getServiceKeys/token"
    with OAuth2Session(program.client_id, token_endpoint_auth_method="none") as session:

        def fetch_token() -> dict[str, Any]:
            return dict(
                session.fetch_token(
                    token_url, grant_type=DEVICE_CODE_GRANT, device_code=code["device_code"]
                )
            )

        def status_of_app_list() -> int:
            return int(session.get(f"{emulator.url}/service/v1/apps").status_code)

        with pytest.raises(OAuthError, match="authorization_pending"):
            fetch_token()
        with pytest.raises(OAuthError, match="slow_down"):
            fetch_token()
        emulator.decide_sign_in(code["user_code"], "approve")
        first = fetch_token()
        assert first["scope"] == "apps:read balance:read"
        assert status_of_app_list() == 200
        second = dict(session.refresh_token(token_url))
        assert second["refresh_token"] != first["refresh_token"]
        assert status_of_app_list() == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            session.refresh_token(token_url, refresh_token=first["refresh_token"])
