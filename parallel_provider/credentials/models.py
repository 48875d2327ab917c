"""What the sign-in's endpoints answer, by their field names.

Unknown fields are ignored; values never show in an error or a repr.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from parallel_provider.typed import SecretStr, require_text

# What the official client calls itself where it isn't registered; every server knows it.
FALLBACK_CLIENT_ID = "parallel-cli"

Text = Annotated[str, msgspec.Meta(min_length=1)]
# A number, and one that can be added to a time.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class SignInModel(msgspec.Struct, frozen=True):
    """An answer of the sign-in."""


class ClientRegistration(SignInModel, frozen=True, kw_only=True):
    """The answer of POST /getServiceKeys/register."""

    client_id: Text


class DeviceCode(SignInModel, frozen=True, kw_only=True):
    """The answer of POST /getServiceKeys/device/code (RFC 8628, section 3.2)."""

    device_code: SecretStr
    user_code: Text
    verification_uri: Text
    verification_uri_complete: str | None = None
    expires_in: Seconds
    interval: Seconds = 5

    def __post_init__(self) -> None:
        require_text(device_code=self.device_code)


class TokenGrant(SignInModel, frozen=True, kw_only=True):
    """The answer of POST /getServiceKeys/token: a new pair of tokens, and how long each lives.

    RFC 6749 lets a server leave the refresh token out of a refresh: the old one stays valid then.
    """

    access_token: SecretStr
    expires_in: Seconds | None = None
    refresh_token: SecretStr | None = None
    refresh_token_expires_in: Seconds | None = None
    authorization_expires_in: Seconds | None = None
    org_id: Text
    org_name: str | None = None
    scope: str = ""

    def __post_init__(self) -> None:
        require_text(access_token=self.access_token, refresh_token=self.refresh_token)
