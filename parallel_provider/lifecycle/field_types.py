"""The types of inputs: the values that each accepts, and the reasons why it refuses others.

A reason comes after the name of the input, as in "app_id must be a UUID". It never has the value,
which may be a secret.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from parallel_provider.lifecycle.declarations import CompareAs
from parallel_provider.lifecycle.durations import EXPECTED, parse_duration
from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.printable import field_name
from parallel_provider.sendable import MAX_INTEGER, SIGNATURE, misfit

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Control characters, surrogates, and the separators of lines and paragraphs.
_REFUSED_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


def _refuse(reason: str) -> NoReturn:
    # The text is a parameter of the template, since braces in it would be read as fields.
    raise PydanticCustomError("refused", "{reason}", {"reason": reason})


def _require_sendable(value: object) -> None:
    reason = misfit(value)
    if reason is not None:
        _refuse(f"must not hold {reason}")


def _visible_text(value: object) -> str:
    if not isinstance(value, str):
        _refuse(f"must be text, not {_kind_of(value)}")
    if all(c.isspace() or unicodedata.category(c) == "Cf" for c in value):
        _refuse("must not be empty or blank")
    if any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in value):
        _refuse("must not contain control characters, such as line breaks")
    _require_sendable(value)
    return value


def _app_id(value: object) -> str:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        _refuse(f"must be a UUID, such as the {field_name('app_id')} of a parallel App")
    _require_sendable(value.lower())
    # The answers' ids are in lower case too, and ids are compared as text.
    return value.lower()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        _refuse(f"must be True or False, not {_kind_of(value)}")
    return value


def _duration(value: object) -> str:
    if not isinstance(value, str):
        _refuse(f"must be {EXPECTED}, not {_kind_of(value)}")
    try:
        parse_duration(value)
    except ValueError as error:
        _refuse(str(error))
    return value


def _arguments(value: object) -> Sequence[object]:
    if not isinstance(value, list | tuple) or not value:
        _refuse('must be a list of arguments, such as ["gh", "secret", "set", "NAME"]')
    if not all(isinstance(item, str | Unknown) for item in value):
        _refuse("must be made of text only")
    if not value[0] or any(isinstance(item, str) and "\0" in item for item in value):
        _refuse("must begin with a command, and hold no zero bytes")
    _require_sendable(value)
    return tuple(value)


def _json_like(value: object) -> object:
    if not _is_json_like(value):
        _refuse("must be made of text, numbers, booleans, lists and dicts")
    _require_sendable(value)
    return value


class _Cents:
    """A whole number of cents in a range."""

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def __call__(self, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse(f"must be a whole number of cents, not {_kind_of(value)}")
        if isinstance(value, float) and not value.is_integer():
            _refuse("must be a whole number of cents")
        if value < self._least or value > (self._most or MAX_INTEGER):
            _refuse(f"must be {self._range(value)} (cents): got {int(value)}")
        return int(value)

    def _range(self, value: float) -> str:
        if self._most is not None:
            return f"from {self._least} to {self._most}"
        return f"at least {self._least}" if value < self._least else f"at most {MAX_INTEGER}"


VisibleText = Annotated[str, BeforeValidator(_visible_text)]
"""A name that a person can see: not blank, no control characters."""

AppId = Annotated[str, BeforeValidator(_app_id)]
"""A UUID, in lower case."""

Flag = Annotated[bool, BeforeValidator(_flag)]
"""True or False."""

Duration = Annotated[str, BeforeValidator(_duration), CompareAs(parse_duration)]
"""A length of time as text, such as "30d": see `durations`. "24h" and "1d" are the same."""

Arguments = Annotated[
    Any,
    BeforeValidator(_arguments),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
"""A command as a list of its arguments; in a preview, one of them may be unknown."""

JsonLike = Annotated[Any, BeforeValidator(_json_like)]
"""Any value that JSON can hold; in a preview, parts of it may be unknown."""

ChargeCents = Annotated[int, BeforeValidator(_Cents(1, 10_000))]
"""What one charge may be, in US cents."""

PositiveCents = Annotated[int, BeforeValidator(_Cents(1))]
"""An amount in US cents."""


def _is_json_like(value: object) -> bool:
    if isinstance(value, dict):
        # With the signature, it is an asset or the like.
        is_plain = all(isinstance(key, str) for key in value) and SIGNATURE not in value
        return is_plain and all(map(_is_json_like, value.values()))
    if isinstance(value, list):
        return all(map(_is_json_like, value))
    return value is None or isinstance(value, Unknown | str | bool | int | float)


def _kind_of(value: object) -> str:
    kinds: tuple[tuple[type | tuple[type, ...], str], ...] = (
        (bool, "True or False"),
        ((int, float), "a number"),
        (str, "text"),
        (dict, "a dict"),
        (list, "a list"),
    )
    return next((words for kind, words in kinds if isinstance(value, kind)), "something else")
