"""The sign-in's endpoints as typed calls: POST /getServiceKeys/… on the platform's host."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import httpx
from pydantic import SecretStr

from parallel_provider.credentials.oauth_models import (
    AnswerT,
    ClientRegistration,
    DeviceCode,
    TokenGrant,
    read_json,
)
from parallel_provider.errors import OAuthError, SignInUnavailableError
from parallel_provider.http import (
    HttpSender,
    NoUsableAnswerError,
    RequestNotSentError,
)
from parallel_provider.http_dates import parse_retry_after
from parallel_provider.printable import masked, printable, remember_secret

CLIENT_NAME = "parallel-provider"
# The official client's id where it isn't registered. Every server knows it.
FALLBACK_CLIENT_ID = "parallel-cli"
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

_SECONDS = 20.0
_SECRETS = ("access_token", "refresh_token", "device_code")
_TOO_MANY_REQUESTS = 429
_REQUEST_TIMEOUT = 408
_SERVER_ERROR = 500


class SignInServer:
    """Typed calls to the sign-in. Each one sends a single request, within `seconds`.

    `seconds` are few, because a refresh holds a lock while it sends up to three requests.
    """

    def __init__(self, platform_url: str, *, seconds: float = _SECONDS) -> None:
        self._seconds = seconds
        self._sender = HttpSender(platform_url, "platform URL")
        self.host = self._sender.host

    def __enter__(self) -> SignInServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sender.close()

    def register_client(self) -> str:
        """Register this installation and return its `client_id`. POST /getServiceKeys/register."""
        body = {
            "client_name": CLIENT_NAME,
            "platform": {
                "system": platform.system(),
                "release": platform.release(),
                "machine": platform.machine(),
                "os_name": os.name,
            },
        }
        response = self._post("/register", json=body)
        return _parse(response, ClientRegistration.read).client_id

    def request_device_code(self, client_id: str, scopes: Sequence[str]) -> DeviceCode:
        """Ask for a code that a person can approve. POST /getServiceKeys/device/code."""
        response = self._post(
            "/device/code", data={"client_id": client_id, "scope": " ".join(scopes)}
        )
        return _parse(response, DeviceCode.read)

    def exchange_device_code(self, client_id: str, device_code: SecretStr) -> TokenGrant:
        """Ask for the tokens of an approved code. POST /getServiceKeys/token.

        Raises OAuthError with one of RFC 8628's codes as long as it isn't approved.
        """
        form = {
            "grant_type": DEVICE_CODE_GRANT,
            "device_code": device_code.get_secret_value(),
            "client_id": client_id,
        }
        return _parse(self._post("/token", data=form), TokenGrant.read)

    def refresh(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Exchange a refresh token for the next pair of tokens. POST /getServiceKeys/token."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.get_secret_value(),
            "client_id": client_id,
        }
        return _parse(self._post("/token", data=form), TokenGrant.read_refreshed)

    def revoke(self, refresh_token: SecretStr) -> None:
        """End a sign-in at the server. POST /getServiceKeys/token/revoke."""
        self._post("/token/revoke", data={"refresh_token": refresh_token.get_secret_value()})

    def _post(
        self,
        path: str,
        *,
        data: dict[str, str] | None = None,
        json: dict[str, Any] | None = None,
    ) -> httpx.Response:
        path = f"/getServiceKeys{path}"
        _remember_secrets(data)
        try:
            response = self._sender.send("POST", path, seconds=self._seconds, json=json, data=data)
        except RequestNotSentError as error:
            raise SignInUnavailableError(
                f"the sign-in at {self.host} can't be reached ({error}): "
                "check the network and the configured platform URL",
                may_have_worked=False,
            ) from None
        except NoUsableAnswerError as error:
            raise SignInUnavailableError(
                f"POST {path} got no usable answer from {self.host} ({error})",
                may_have_worked=True,
            ) from None
        if not response.is_success:
            raise _refusal(response, path)
        return response


def _parse(response: httpx.Response, read: Callable[[object], AnswerT]) -> AnswerT:
    try:
        answer = read_json(response.content)
        _remember_secrets(answer)
    except (ValueError, RecursionError):
        reason = "it isn't JSON"
    else:
        try:
            return read(answer)
        except ValueError as error:
            reason = str(error)
    raise SignInUnavailableError(
        f"POST {response.request.url.path} answered with something that can't be used ({reason})",
        may_have_worked=True,
    )


def _remember_secrets(body: object) -> None:
    for name in _SECRETS:
        value = body.get(name) if isinstance(body, dict) else None
        if isinstance(value, str):
            remember_secret(value)


def _refusal(response: httpx.Response, path: str) -> Exception:
    """Return the error for an answer that isn't a success."""
    status = response.status_code
    code, description = _oauth_error(response)
    shown = printable(masked(f"{code} {description}"))
    retry_after = parse_retry_after(response.headers.get("retry-after"))
    message = f"POST {path} answered {status} ({shown.strip() or response.reason_phrase})"
    if status == _TOO_MANY_REQUESTS:
        return SignInUnavailableError(
            f"{message}: too many requests, try again later",
            may_have_worked=False,
            retry_after=retry_after,
        )
    if status >= _SERVER_ERROR or status == _REQUEST_TIMEOUT:
        return SignInUnavailableError(message, may_have_worked=True, retry_after=retry_after)
    if response.is_redirect:
        message += ": redirects aren't followed, so check the configured platform URL"
    return OAuthError(message, code=code)


def _oauth_error(response: httpx.Response) -> tuple[str, str]:
    """Return RFC 6749's `error` and `error_description`, each "" if it is missing."""
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    code = body.get("error")
    description = body.get("error_description", body.get("detail"))
    return (
        code if isinstance(code, str) else "",
        description if isinstance(description, str) else "",
    )
