"""What the sign-in's endpoints answer, by their field names.

Unknown fields are ignored; values never show in an error or a repr.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

# What the official client calls itself where it isn't registered; every server knows it.
FALLBACK_CLIENT_ID = "parallel-cli"

Text = Annotated[str, Field(min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SignInModel(BaseModel):
    """An answer of the sign-in."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class ClientRegistration(SignInModel):
    """The answer of POST /getServiceKeys/register."""

    client_id: Text


class DeviceCode(SignInModel):
    """The answer of POST /getServiceKeys/device/code (RFC 8628, section 3.2)."""

    device_code: Secret
    user_code: Text
    verification_uri: Text
    verification_uri_complete: str | None = None
    expires_in: Seconds
    interval: Seconds = 5


class TokenGrant(SignInModel):
    """The answer of POST /getServiceKeys/token: a new pair of tokens, and how long each lives.

    RFC 6749 lets a server leave the refresh token out of a refresh: the old one stays valid then.
    """

    access_token: Secret
    expires_in: Seconds | None = None
    refresh_token: Secret | None = None
    refresh_token_expires_in: Seconds | None = None
    authorization_expires_in: Seconds | None = None
    org_id: Text
    org_name: str | None = None
    scope: str = ""
