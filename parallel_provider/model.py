"""Base of this package's pydantic models. They read data strictly, and their errors show no value.

The data is JSON-like: an answer of a server, a file, the properties of a resource. Pulumi sends all
numbers as floats, so a whole float is read as an integer.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError
from pydantic.fields import FieldInfo

__all__ = ["Integer", "Model", "ModelT", "Number", "SecretStr", "ValidationError", "plain", "why"]

MAX_INTEGER = 2**53
"""Beyond this, two different integers can be one and the same JSON number."""


class Model(BaseModel):
    """A frozen model that ignores unknown names. Its errors show no value, its repr no secret."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        hide_input_in_errors=True,
        defer_build=True,
        allow_inf_nan=False,
    )


ModelT = TypeVar("ModelT", bound=Model)


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise ValueError("is too large for a JSON number")
    return value


def _number(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


Integer = Annotated[int, BeforeValidator(_whole)]
"""A whole number within what JSON can hold exactly; also one that came as 2.0."""

Number = Annotated[float, BeforeValidator(_number)]
"""A finite number."""


def why(error: ValidationError) -> str:
    """Name every wrong field of a model and what is wrong with it; never a value."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
        for problem in error.errors(include_input=False, include_url=False, include_context=False)
    )


def plain(value: Any) -> Any:  # noqa: ANN401 - any field of a model
    """Return a model, or a value of one, as JSON-like data with its secrets as text."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {
            _written_name(name, info): plain(getattr(value, name)) for name, info in fields.items()
        }
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _written_name(name: str, info: FieldInfo) -> str:
    """Return the alias that a field declares itself, which has priority over generated ones."""
    own_alias = info.serialization_alias if info.alias_priority == 2 else None  # noqa: PLR2004 - pydantic's
    return own_alias or name
