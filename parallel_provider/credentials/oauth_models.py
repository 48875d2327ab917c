"""Answers of the sign-in's endpoints, by their field names.

Unknown fields are ignored. No error and no repr shows a value of a secret.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError

from parallel_provider.credentials.times import NumberOrText, lifetime
from parallel_provider.model import Model, why

_LONGEST_INTEGER = 400

AnswerT = TypeVar("AnswerT", bound="SignInAnswer")


def _usable_text(value: object) -> object:
    """Return a text that can be sent and stored, or None for anything else."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str) or not value.strip():
        return None
    # JSON can hold half of a surrogate pair, but UTF-8 can't.
    return None if any("\ud800" <= character <= "\udfff" for character in value) else value


def _usable_access_token(value: object) -> object:
    """Return a text that fits an Authorization header (RFC 6750, section 2.1), or None."""
    text = _usable_text(value)
    if isinstance(text, str) and not (text.isascii() and text.isprintable() and " " not in text):
        return None
    return text


Text = Annotated[str, Field(min_length=1)]
# A program can sleep for this long.
Seconds = Annotated[NumberOrText, Field(ge=0, le=1e9)]
TextIfUsable = Annotated[str | None, BeforeValidator(_usable_text)]
LifetimeIfUsable = Annotated[float | None, BeforeValidator(lifetime)]


class SignInAnswer(Model):
    """Base class of the sign-in's answers."""

    @classmethod
    def read(cls: type[AnswerT], answer: object) -> AnswerT:
        """Read an answer's JSON. Raises ValueError, which names the fields and shows no value."""
        if not isinstance(answer, dict):
            raise ValueError("it isn't a JSON object")
        try:
            return cls.model_validate(answer)
        except ValidationError as error:
            raise ValueError(why(error)) from None


class ClientRegistration(SignInAnswer):
    """The answer of POST /getServiceKeys/register."""

    client_id: Text


class DeviceCode(SignInAnswer):
    """The answer of POST /getServiceKeys/device/code (RFC 8628, section 3.2)."""

    device_code: Annotated[SecretStr, Field(min_length=1)]
    user_code: Text
    verification_uri: Text
    verification_uri_complete: str | None = None
    expires_in: Seconds
    interval: Seconds = 5


class TokenGrant(SignInAnswer):
    """The answer of POST /getServiceKeys/token: a new pair of tokens, and how long each lives.

    It has at least one token. RFC 6749 lets a server leave the refresh token out of a refresh: the
    old one stays valid then. A lifetime is None if it isn't known.

    The refresh token that was sent can't be used again, so one wrong field must not lose the whole
    answer: a field that can't be used counts as missing.
    """

    access_token: Annotated[SecretStr | None, BeforeValidator(_usable_access_token)] = None
    expires_in: LifetimeIfUsable = None
    refresh_token: Annotated[SecretStr | None, BeforeValidator(_usable_text)] = None
    refresh_token_expires_in: LifetimeIfUsable = None
    authorization_expires_in: LifetimeIfUsable = None
    org_id: TextIfUsable = None
    org_name: TextIfUsable = None
    scope: TextIfUsable = None

    @classmethod
    def read(cls, answer: object) -> TokenGrant:
        """Read the answer's JSON. Raises ValueError if it has no usable token at all."""
        grant = super().read(answer)
        if grant.access_token is None and grant.refresh_token is None:
            raise ValueError("it has no access_token that can be used")
        return grant


def read_json(content: bytes) -> object:
    """Read JSON, also if a text in it isn't UTF-8 or a number has thousands of digits.

    Raises ValueError or RecursionError.
    """
    return json.loads(content.decode("utf-8-sig", errors="replace"), parse_int=_integer)


def _integer(digits: str) -> int | float:
    # Python refuses to read a longer integer, and the whole answer with it.
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.inf
