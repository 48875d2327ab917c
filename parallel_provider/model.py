"""Base of this package's pydantic models. They read data strictly, and their errors show no value.

The data is JSON-like: an answer of a server, a file, the properties of a resource. Pulumi sends all
numbers as floats, so a whole float is read as an integer.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_core import ErrorDetails

from parallel_provider.printable import remember_secret
from parallel_provider.sendable import MAX_INTEGER, whole


class Model(BaseModel):
    """A frozen model that ignores unknown names. Its errors show no value, its repr no secret."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        # Not defer_build: before pydantic 2.14, two threads that use a model first at the same time
        # break it, and a broken model can't read the answer that has a new key.
    )

    @field_validator("*")
    @classmethod
    def _remember_secret(cls, value: object) -> object:
        """Let no text show a secret from now on, even if the rest of the data can't be used."""
        if isinstance(value, SecretStr):
            remember_secret(value.get_secret_value())
        return value


ModelT = TypeVar("ModelT", bound=Model)


def _exact(value: object) -> object:
    number = whole(value)
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        raise ValueError("is too large for a JSON number")
    return number


def _encodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds characters that aren't valid Unicode") from None
    return value


def _full(value: SecretStr) -> SecretStr:
    if not value:
        raise ValueError("is empty")
    _encodable(value.get_secret_value())
    return value


Integer = Annotated[int, BeforeValidator(_exact)]
"""An integer that JSON holds exactly; it may be written as 2.0."""

Number = float
"""A finite number; it may be written as an integer."""

Text = Annotated[str, AfterValidator(_encodable)]
"""A text that can be written as UTF-8: a JSON escape can stand for half a character."""

Secret = Annotated[SecretStr, AfterValidator(_full)]
"""A secret that isn't empty and can be written as UTF-8."""


def read_json(content: bytes) -> object:
    """Read JSON. Raises ValueError.

    One odd value doesn't spoil the rest: a byte that isn't UTF-8 becomes a character that no model
    accepts, and an integer of thousands of digits a float.
    """
    try:
        return json.loads(content.decode("utf-8-sig", "surrogateescape"), parse_int=float)
    except (RecursionError, MemoryError):  # thousands of nested lists, or millions of empty ones
        raise ValueError("it is nested too deeply") from None


def why(error: ValidationError, spell: Callable[[str], str] = str) -> str:
    """Name every wrong field, and say what is wrong with it. The text holds no value.

    `spell` returns what the text shows for a name.
    """
    return "; ".join(
        f"{'.'.join(spell(str(part)) for part in problem['loc']) or 'the whole'}: "
        f"{_reason(problem)}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )


def _reason(problem: ErrorDetails) -> str:
    if problem["type"] == "model_type":
        return "Input should be an object"  # pydantic would name the model
    return problem["msg"].removeprefix("Value error, ")


def plain(value: Any, spell: Callable[[str], str] = str) -> Any:  # noqa: ANN401 - any field of a model
    """Return a model, or a value of one, as JSON-like data with its secrets as text.

    `spell` returns what the data has for a field's name.
    """
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        return {spell(name): plain(item, spell) for name, item in value}
    if isinstance(value, dict):
        return {key: plain(item, spell) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, spell) for item in value]
    return value
