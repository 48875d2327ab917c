"""Clients of the emulator: plain HTTP, sharing nothing with the package's own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from parallel_provider.testing.emulator import Emulator

ALL_SCOPES = (
    "keys:read keys:create keys:delete apps:read apps:create apps:delete balance:read balance:add"
)
_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class OAuthProgram:
    """A program that signs in. Each method sends one request."""

    def __init__(self, anonymous: httpx.Client) -> None:
        self._http = anonymous
        self.client_id = "parallel-cli"

    def register(self, client_name: str = "a program") -> str:
        """Register, and use the new client id from now on."""
        body = {"client_name": client_name, "platform": {"system": "Linux"}}
        answer = self._http.post("/getServiceKeys/register", json=body).raise_for_status()
        self.client_id = answer.json()["client_id"]
        return self.client_id

    def start(self, scope: str = ALL_SCOPES) -> dict[str, Any]:
        """Request a device code."""
        form = {"client_id": self.client_id, "scope": scope}
        answer = self._http.post("/getServiceKeys/device/code", data=form).raise_for_status()
        return dict(answer.json())

    def redeem(self, code: dict[str, Any]) -> httpx.Response:
        """Request tokens with a device code."""
        return self.request_tokens(
            grant_type=_DEVICE_CODE_GRANT, device_code=code["device_code"], client_id=self.client_id
        )

    def sign_in(self, emulator: Emulator, scope: str = ALL_SCOPES) -> dict[str, Any]:
        """Go through a whole sign-in that is approved, and return its tokens."""
        code = self.start(scope)
        emulator.decide_sign_in(code["user_code"], "approve")
        return dict(self.redeem(code).raise_for_status().json())

    def refresh(self, tokens: dict[str, Any], **form: str) -> httpx.Response:
        """Request tokens with a refresh token."""
        return self.request_tokens(
            grant_type="refresh_token",
            refresh_token=tokens["refresh_token"],
            **{"client_id": self.client_id, **form},
        )

    def revoke(self, tokens: dict[str, Any]) -> httpx.Response:
        """Revoke the grant."""
        form = {"refresh_token": tokens["refresh_token"]}
        return self._http.post("/getServiceKeys/token/revoke", data=form)

    def request_tokens(self, **form: str) -> httpx.Response:
        """Send a form to the token endpoint."""
        return self._http.post("/getServiceKeys/token", data=form)

    def may_list_apps(self, tokens: dict[str, Any]) -> bool:
        """Tell whether the access token may list apps."""
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        return self._http.get("/service/v1/apps", headers=headers).status_code == 200


def oauth_error(answer: httpx.Response, status: int = 400) -> str:
    """Return the error code of a refused sign-in (RFC 6749, 5.2)."""
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "error_description"}
    return str(answer.json()["error"])


@pytest.fixture
def anonymous(emulator: Emulator) -> Iterator[httpx.Client]:
    """Give an HTTP client without a token."""
    with httpx.Client(base_url=emulator.url, trust_env=False) as client:
        yield client


@pytest.fixture
def http(emulator: Emulator) -> Iterator[httpx.Client]:
    """Give an HTTP client whose token has all scopes."""
    headers = {"Authorization": f"Bearer {emulator.access_token}"}
    with httpx.Client(base_url=emulator.url, headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def program(anonymous: httpx.Client) -> OAuthProgram:
    """Give a program that signs in."""
    return OAuthProgram(anonymous)


@pytest.fixture
def app_id(http: httpx.Client) -> str:
    """Create an app and give its id."""
    answer = http.post("/service/v1/apps", json={"app_name": "search"})
    return str(answer.raise_for_status().json()["app_id"])
