"""Sign in with a code that a person approves in a browser (RFC 8628, "device flow").

No OAuth library is used. oauthlib builds the bodies of these two requests, and Authlib can send
the second one, but neither polls and neither is typed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pydantic import SecretStr

from parallel_provider.credentials.hints import LOGIN_HINT
from parallel_provider.credentials.oauth_models import DeviceCode, TokenGrant
from parallel_provider.errors import CredentialsError, OAuthError, SignInUnavailableError

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
SLOW_DOWN_SECONDS = 5.0
_SHORTEST_INTERVAL_SECONDS = 1.0


class DeviceFlowServer(Protocol):
    """The part of `SignInServer` that the flow uses."""

    def register_client(self) -> str:
        """Return a new client_id."""

    def request_device_code(self, client_id: str, scopes: Sequence[str]) -> DeviceCode:
        """Return a code for a person to approve."""

    def exchange_device_code(self, client_id: str, device_code: SecretStr) -> TokenGrant:
        """Return the tokens, or raise OAuthError while the code isn't approved."""


def request_code(
    server: DeviceFlowServer, client_id: str | None, scopes: Sequence[str]
) -> tuple[str, DeviceCode]:
    """Return the client that signs in, and a code to approve for it.

    That is `client_id`, if there is one and the server knows it. Otherwise a new client is
    registered.
    """
    if client_id is not None:
        try:
            return client_id, server.request_device_code(client_id, scopes)
        except OAuthError as error:
            if error.code != "invalid_client":
                raise
    client_id = server.register_client()
    return client_id, server.request_device_code(client_id, scopes)


def wait_for_approval(
    server: DeviceFlowServer,
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
    lifetime = code.expires_in
    if timeout_seconds is not None:
        lifetime = min(lifetime, timeout_seconds)
    deadline = clock() + lifetime
    unavailable: SignInUnavailableError | None = None
    while True:
        try:
            return server.exchange_device_code(client_id, code.device_code)
        except OAuthError as error:
            if error.code == "slow_down":
                interval += SLOW_DOWN_SECONDS
            elif error.code != "authorization_pending":
                raise _error_for_person(error, unavailable) from None
            unavailable = None
        except SignInUnavailableError as error:
            # RFC 8628, section 3.5: ask a server that doesn't answer less often.
            interval = max(interval * 2, error.retry_after or 0.0)
            unavailable = error
        left = deadline - clock()
        if left <= 0:
            raise unavailable or CredentialsError(
                f"the code wasn't approved within {lifetime:g} seconds: "
                f"{LOGIN_HINT} again and approve the new code"
            )
        # The last request is sent when the time is over, even if the interval isn't.
        sleep(min(interval, left))


def _error_for_person(
    error: OAuthError, unavailable: SignInUnavailableError | None
) -> CredentialsError:
    if error.code == "access_denied":
        return CredentialsError("the sign-in was denied in the browser: nothing was stored")
    if error.code == "expired_token":
        return CredentialsError(
            f"the code ended before it was approved: {LOGIN_HINT} again and approve the new code"
        )
    if unavailable is not None and unavailable.may_have_worked:
        return CredentialsError(
            f"the code was used up by a request whose answer was lost ({unavailable}): "
            f"{LOGIN_HINT} again"
        )
    return error
