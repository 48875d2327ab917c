"""A sign-in to the emulator, and its secrets, which must not be shown anywhere."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from parallel_provider.testing.emulator import Emulator

_DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# These variables change how a program behaves.
_FOREIGN_VARIABLES = ("CI", "NO_COLOR", "FORCE_COLOR")


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without anything that configures the provider."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PARALLEL_") and name not in _FOREIGN_VARIABLES
    }
    return {**kept, **variables}


@dataclass
class SignIn:
    """A sign-in to the emulator, and the file at `path` that it is stored in."""

    emulator: Emulator
    path: Path
    secrets: set[str] = field(default_factory=set, repr=False)

    def sign_in(self, org_id: str | None = None, **orgs_fields: Any) -> str:  # noqa: ANN401
        """Sign in as the official client would, store it, and return the organization's id."""
        answer = self.obtain_tokens(org_id)
        document: dict[str, Any] = {"version": 1, "orgs": {}}
        if self.path.exists():
            document = self.document
        now = int(time.time())
        tokens = {
            "access_token": answer["access_token"],
            "access_token_expires_at": now + answer["expires_in"],
            "access_token_scopes": answer["scope"].split(),
            "refresh_token": answer["refresh_token"],
            "refresh_token_expires_at": now + answer["refresh_token_expires_in"],
            "authorization_expires_at": now + answer["authorization_expires_in"],
        }
        found: str = answer["org_id"]
        document["client_id"] = answer["client_id"]
        document["selected_org_id"] = found
        document["orgs"][found] = {
            "api_key": None,
            "org_name": answer["org_name"],
            "control_api": tokens,
            **orgs_fields,
        }
        self.document = document
        return found

    def obtain_tokens(self, org_id: str | None = None) -> dict[str, Any]:
        """Go through the device flow and return the server's answer, with the `client_id`."""
        with httpx.Client(base_url=f"{self.emulator.url}/getServiceKeys", trust_env=False) as http:
            if self.path.exists():
                client_id = self.document["client_id"]
            else:
                registration = {"client_name": "test", "platform": {}}
                client_id = http.post("/register", json=registration).json()["client_id"]
            code = http.post("/device/code", data={"client_id": client_id, "scope": ""}).json()
            self.emulator.decide_sign_in(code["user_code"], "approve", org_id=org_id)
            form = {"grant_type": _DEVICE_CODE_GRANT, "device_code": code["device_code"]}
            answer = http.post("/token", data={**form, "client_id": client_id}).json()
        self.secrets |= {answer["access_token"], answer["refresh_token"]}
        return {**answer, "client_id": client_id}

    @property
    def document(self) -> dict[str, Any]:
        """The file's content. Its tokens are added to `secrets`."""
        document: dict[str, Any] = json.loads(self.path.read_text())
        for org in document["orgs"].values():
            tokens = org.get("control_api") or {}
            self.secrets |= {
                tokens[key] for key in ("access_token", "refresh_token") & tokens.keys()
            }
        return document

    @document.setter
    def document(self, document: dict[str, Any]) -> None:
        self.path.touch(0o600)
        self.path.write_text(json.dumps(document))

    @property
    def tokens(self) -> dict[str, Any]:
        """The selected organization's tokens, as stored."""
        document = self.document
        tokens: dict[str, Any] = document["orgs"][document["selected_org_id"]]["control_api"]
        return tokens

    def expire(self) -> None:
        """Write into the file that the access token expired a minute ago."""
        document = self.document
        org = document["orgs"][document["selected_org_id"]]
        org["control_api"]["access_token_expires_at"] = int(time.time()) - 60
        self.document = document

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which a program uses this sign-in."""
        return clean_environment(
            PARALLEL_AUTH_FILE=str(self.path),
            PARALLEL_PLATFORM_URL=self.emulator.url,
            PARALLEL_SERVICE_API_URL=self.emulator.url,
        )

    @property
    def refreshes(self) -> int:
        """How many requests the token endpoint has got, including that of the sign-in itself."""
        return self.emulator.state()["requests"].get("POST /getServiceKeys/token", 0)

    def assert_no_secret_in(self, text: str) -> None:
        """Fail if `text` contains a token that was ever in the file."""
        with contextlib.suppress(OSError, ValueError, KeyError):  # some tests damage the file
            _ = self.document
        for secret in self.secrets:
            assert secret not in text
