"""What the sign-in's endpoints answer, by their field names.

Unknown fields are ignored; values never show in an error or a repr.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from pydantic import SecretStr

from parallel_provider.credentials.times import lifetime
from parallel_provider.typed import read_as, require_text

# What the official client calls itself where it isn't registered; every server knows it.
FALLBACK_CLIENT_ID = "parallel-cli"

_LONGEST_INTEGER = 400

Text = Annotated[str, msgspec.Meta(min_length=1)]
# A number, and one that can be slept for.
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
Model = TypeVar("Model", bound="SignInModel")


class SignInModel(msgspec.Struct, frozen=True):
    """An answer of the sign-in."""

    @classmethod
    def read(cls: type[Model], answer: object) -> Model:
        """Read an answer's JSON. Raises ValueError, which names the place and never the value."""
        return read_as(cls, answer)


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

    It has at least one token. RFC 6749 lets a server leave the refresh token out of a refresh: the
    old one stays valid then. A lifetime is None where it isn't known.
    """

    access_token: SecretStr | None = None
    expires_in: float | None = None
    refresh_token: SecretStr | None = None
    refresh_token_expires_in: float | None = None
    authorization_expires_in: float | None = None
    org_id: str | None = None
    org_name: str | None = None
    scope: str = ""

    @classmethod
    def read(cls, answer: object) -> TokenGrant:
        """Read the answer's JSON, and take what can't be used for what isn't there.

        The refresh token that was sent is used up by now: an answer that is odd in one place must
        not cost the sign-in. Raises ValueError if there is no token in it at all.
        """
        if not isinstance(answer, Mapping):
            raise ValueError("it isn't a JSON object")
        access_token = _text(answer.get("access_token"))
        refresh_token = _text(answer.get("refresh_token"))
        if access_token is not None and not _fits_header(access_token):
            access_token = None
        if access_token is None and refresh_token is None:
            raise ValueError("it has no access_token that can be used")
        return cls(
            access_token=None if access_token is None else SecretStr(access_token),
            expires_in=lifetime(answer.get("expires_in")),
            refresh_token=None if refresh_token is None else SecretStr(refresh_token),
            refresh_token_expires_in=lifetime(answer.get("refresh_token_expires_in")),
            authorization_expires_in=lifetime(answer.get("authorization_expires_in")),
            org_id=_text(answer.get("org_id")),
            org_name=_text(answer.get("org_name")),
            scope=_text(answer.get("scope")) or "",
        )


def read_json(content: bytes) -> object:
    """Read JSON, also where a name in it is no UTF-8 or a number has thousands of digits.

    Raises ValueError or RecursionError.
    """
    return json.loads(content.decode("utf-8-sig", errors="replace"), parse_int=_whole_number)


def _whole_number(digits: str) -> int | float:
    # Python refuses to read longer integers, and with them the tokens beside.
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf


def _text(value: object) -> str | None:
    """Return a text that can be sent and stored, or None."""
    if not isinstance(value, str) or not value.strip():
        return None
    # Half a surrogate pair is text for JSON alone.
    return None if any("\ud800" <= character <= "\udfff" for character in value) else value


def _fits_header(token: str) -> bool:
    """Say whether a token can stand in an Authorization header (RFC 6750, section 2.1)."""
    return token.isascii() and token.isprintable() and " " not in token
