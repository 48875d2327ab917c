"""Answers of the sign-in's endpoints, by their field names.

Unknown fields are ignored. No error and no repr shows a value of a secret.
"""

from __future__ import annotations

import json
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from parallel_provider.model import Model, Secret, Text, why

AnswerT = TypeVar("AnswerT", bound="SignInAnswer")


def _fits_header(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ValueError("doesn't fit an Authorization header (RFC 6750, section 2.1)")
    return value


# A program can sleep for this long.
Seconds = Annotated[float, Field(ge=0, le=1e9)]
FullText = Annotated[Text, Field(min_length=1)]


class SignInAnswer(Model):
    """Base class of the sign-in's answers."""

    @classmethod
    def read(cls: type[AnswerT], answer: object) -> AnswerT:
        """Read an answer's JSON. Raises ValueError, which names the fields and shows no value."""
        try:
            return cls.model_validate(answer)
        except ValidationError as error:
            raise ValueError(why(error)) from None


class ClientRegistration(SignInAnswer):
    """The answer of POST /getServiceKeys/register."""

    client_id: FullText


class DeviceCode(SignInAnswer):
    """The answer of POST /getServiceKeys/device/code (RFC 8628, section 3.2)."""

    device_code: Secret
    user_code: FullText
    verification_uri: FullText
    verification_uri_complete: Text | None = None
    expires_in: Seconds
    interval: Seconds = 5


class TokenGrant(SignInAnswer):
    """The answer of POST /getServiceKeys/token: a new pair of tokens, and how long each lives.

    RFC 6749 lets a server leave the refresh token out of a refresh: the old one stays valid then.
    Only `read_refreshed` makes one without an access token.
    """

    access_token: Annotated[Secret, AfterValidator(_fits_header)] | None
    expires_in: Seconds | None = None
    refresh_token: Secret | None = None
    refresh_token_expires_in: Seconds | None = None
    authorization_expires_in: Seconds | None = None
    org_id: FullText | None = None
    org_name: Text | None = None
    scope: Text | None = None

    @classmethod
    def read(cls, answer: object) -> TokenGrant:
        """Read the answer's JSON. Raises ValueError, which names the fields and shows no value."""
        grant = super().read(answer)
        if grant.access_token is None:
            raise ValueError("access_token: is empty")
        return grant

    @classmethod
    def read_refreshed(cls, answer: object) -> TokenGrant:
        """Read the answer to a refresh. Of one that can't be used, read the refresh token alone.

        The refresh token that was sent can't be used again, so its successor must not be lost.
        Raises ValueError if there is none that can be read.
        """
        try:
            return cls.read(answer)
        except ValueError:
            successor = answer.get("refresh_token") if isinstance(answer, dict) else None
            if successor is None:
                raise
        return super().read({"access_token": None, "refresh_token": successor})


def read_json(content: bytes) -> object:
    """Read JSON, also if a text in it isn't UTF-8 or a number has thousands of digits.

    Raises ValueError or RecursionError.
    """
    # Python refuses to read an integer of thousands of digits, and the whole answer with it.
    return json.loads(content.decode("utf-8-sig", errors="replace"), parse_int=float)
