"""The sign-in: its endpoints POST /getServiceKeys/… as typed calls, and the device flow (RFC 8628).

No OAuth library is used. oauthlib builds the bodies of these requests, and Authlib can send some of
them, but neither polls and neither is typed.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

import httpx
from pydantic import Field, SecretStr, ValidationError

from parallel_provider.credentials.tokens import LOGIN_HINT
from parallel_provider.errors import CredentialsError, OAuthError, SignInUnavailableError
from parallel_provider.http import (
    HttpSender,
    NoUsableAnswerError,
    RequestNotSentError,
)
from parallel_provider.http_dates import parse_retry_after
from parallel_provider.model import Model, ModelT, Secret, Text, read_json, why
from parallel_provider.printable import masked, printable, remember_secret

ALL_SCOPES = (
    "keys:read",
    "keys:create",
    "keys:delete",
    "apps:read",
    "apps:create",
    "apps:delete",
    "balance:read",
    "balance:add",
)
CLIENT_NAME = "parallel-provider"
# The id of an official client that isn't registered. Every server knows it.
FALLBACK_CLIENT_ID = "parallel-cli"
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REQUEST_SECONDS = 20.0
SLOW_DOWN_SECONDS = 5.0

_SHORTEST_INTERVAL_SECONDS = 1.0
_SECRETS = ("refresh_token", "device_code")
_TOO_MANY_REQUESTS = 429
_REQUEST_TIMEOUT = 408
_SERVER_ERROR = 500

# A program can sleep for this long.
Seconds = Annotated[float, Field(ge=0, le=1e9)]
FullText = Annotated[Text, Field(min_length=1)]


class ClientRegistration(Model):
    """The answer of POST /getServiceKeys/register."""

    client_id: FullText


class DeviceCode(Model):
    """The answer of POST /getServiceKeys/device/code (RFC 8628, section 3.2)."""

    device_code: Secret
    user_code: FullText
    verification_uri: FullText
    verification_uri_complete: Text | None = None
    expires_in: Seconds
    interval: Seconds = 5


class TokenGrant(Model):
    """The answer of POST /getServiceKeys/token: a new pair of tokens, and how long each lives.

    RFC 6749 lets a server leave the refresh token out of a refresh: the old one stays valid then.
    There is no access token if all that can be used of an answer is its refresh token.
    """

    access_token: Secret | None
    expires_in: Seconds | None = None
    refresh_token: Secret | None = None
    refresh_token_expires_in: Seconds | None = None
    authorization_expires_in: Seconds | None = None
    org_id: FullText | None = None
    org_name: Text | None = None
    scope: Text | None = None


class _Successor(Model):
    """The only part of an answer to a refresh that must not be lost."""

    refresh_token: Secret


class _Refusal(Model):
    """An error (RFC 6749, section 5.2), or one of the server's framework, which has `detail`."""

    error: str = ""
    error_description: object = None
    detail: object = None


class SignInServer(AbstractContextManager["SignInServer"]):
    """Typed calls to the sign-in. Each one sends a single request, within `seconds`.

    `seconds` are few, because a refresh holds a lock while it sends up to three requests.
    """

    def __init__(self, platform_url: str, *, seconds: float = REQUEST_SECONDS) -> None:
        self._seconds = seconds
        self._sender = HttpSender(platform_url, "platform URL")

    def __exit__(self, *_: object) -> None:
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
        return _read(self._post("/register", json=body), ClientRegistration).client_id

    def request_device_code(self, client_id: str, scopes: Sequence[str]) -> DeviceCode:
        """Ask for a code that a person can approve. POST /getServiceKeys/device/code."""
        form = {"client_id": client_id, "scope": " ".join(scopes)}
        return _read(self._post("/device/code", data=form), DeviceCode)

    def exchange_device_code(self, client_id: str, device_code: SecretStr) -> TokenGrant:
        """Ask for the tokens of an approved code. POST /getServiceKeys/token.

        Raises OAuthError with one of RFC 8628's codes as long as it isn't approved.
        """
        form = {
            "grant_type": DEVICE_CODE_GRANT,
            "device_code": device_code.get_secret_value(),
            "client_id": client_id,
        }
        return _read(self._post("/token", data=form), TokenGrant)

    def refresh(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Exchange a refresh token for the next pair of tokens. POST /getServiceKeys/token."""
        form = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token.get_secret_value(),
            "client_id": client_id,
        }
        return read_refreshed(self._post("/token", data=form))

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
        for name, value in (data or {}).items():
            if name in _SECRETS:
                remember_secret(value)
        host = self._sender.host
        try:
            response = self._sender.send("POST", path, seconds=self._seconds, json=json, data=data)
        except RequestNotSentError as error:
            raise SignInUnavailableError(
                f"the sign-in at {host} can't be reached ({error}): "
                "check the network and the configured platform URL",
                may_have_worked=False,
            ) from None
        except NoUsableAnswerError as error:
            raise SignInUnavailableError(
                f"POST {path} got no usable answer from {host} ({error})", may_have_worked=True
            ) from None
        if not response.is_success:
            raise _refusal(response, path)
        return response


def _read(response: httpx.Response, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate(read_json(response.content))
    except ValueError as error:
        reason = why(error) if isinstance(error, ValidationError) else "it isn't JSON"
        raise SignInUnavailableError(
            f"POST {response.request.url.path} answered with something that can't be used "
            f"({reason})",
            may_have_worked=True,
        ) from None


def read_refreshed(response: httpx.Response) -> TokenGrant:
    """Read the answer to a refresh. Of one that isn't as documented, read the refresh token alone.

    The refresh token that was sent can't be used again, so its successor must not be lost. Raises
    SignInUnavailableError if there is none.
    """
    try:
        return _read(response, TokenGrant)
    except SignInUnavailableError as unusable:
        try:
            found = _Successor.model_validate(read_json(response.content))
            return TokenGrant(access_token=None, refresh_token=found.refresh_token)
        except ValueError:
            raise unusable from None


def _refusal(response: httpx.Response, path: str) -> Exception:
    """Return the error for an answer that isn't a success."""
    status = response.status_code
    try:
        refusal = _Refusal.model_validate(read_json(response.content))
    except ValueError:
        refusal = _Refusal()
    words = (refusal.error, refusal.error_description, refusal.detail)
    shown = printable(masked(" ".join(word for word in words if isinstance(word, str))))
    retry_after = parse_retry_after(response.headers.get("retry-after"))
    message = f"POST {path} answered {status} ({shown or response.reason_phrase})"
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
    return OAuthError(message, code=refusal.error)


def request_code(
    server: SignInServer, client_id: str | None, scopes: Sequence[str]
) -> tuple[str, DeviceCode]:
    """Return the client that signs in, and a code to approve for it.

    That is `client_id`, if there is one and the server knows it. Otherwise a new client is
    registered, and if that fails, the client is `parallel-cli`, as with the official client.
    """
    if client_id is not None:
        try:
            return client_id, server.request_device_code(client_id, scopes)
        except OAuthError as error:
            if error.code != "invalid_client":
                raise
    try:
        client_id = server.register_client()
    except (OAuthError, SignInUnavailableError):
        client_id = FALLBACK_CLIENT_ID
    return client_id, server.request_device_code(client_id, scopes)


def wait_for_approval(
    server: SignInServer,
    client_id: str,
    code: DeviceCode,
    *,
    timeout_seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> TokenGrant:
    """Ask until the code is approved: at once, and then at the interval that the server gave.

    Raises CredentialsError if the code is denied, if it expires, or after `timeout_seconds`.
    """
    interval = max(code.interval, _SHORTEST_INTERVAL_SECONDS)
    lifetime = min(code.expires_in, timeout_seconds or code.expires_in)
    deadline = clock() + lifetime
    while True:
        problem = CredentialsError(
            f"the code wasn't approved within {lifetime:g} seconds: {LOGIN_HINT} again and "
            "approve the new code"
        )
        try:
            return server.exchange_device_code(client_id, code.device_code)
        except OAuthError as error:
            if error.code == "slow_down":
                interval += SLOW_DOWN_SECONDS
            elif error.code != "authorization_pending":
                raise _end_of_device_flow(error) from None
        except SignInUnavailableError as error:
            # RFC 8628, section 3.5: ask a server that doesn't answer less often.
            interval = max(interval * 2, error.retry_after or 0.0)
            problem = error
        left = deadline - clock()
        if left <= 0:
            raise problem
        # The last request is sent when the time is over, even if the interval isn't.
        sleep(min(interval, left))


def _end_of_device_flow(error: OAuthError) -> CredentialsError:
    if error.code == "access_denied":
        return CredentialsError("the sign-in was denied in the browser: nothing was stored")
    if error.code == "expired_token":
        return CredentialsError(
            f"the code ended before it was approved: {LOGIN_HINT} again and approve the new code"
        )
    return CredentialsError(f"{error}: {LOGIN_HINT} again")
