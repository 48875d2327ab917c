"""JSON-like data as typed structs, and back; secrets show in neither repr nor error."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from pydantic import SecretStr

T = TypeVar("T")


def read_as(kind: type[T], data: object) -> T:
    """Read data as a struct of this type; whole floats are integers, unknown names are ignored.

    Raises msgspec.ValidationError, a ValueError, which names the place and never the value.
    """
    return msgspec.convert(data, kind, strict=False, dec_hook=_from_plain)


def reveal(struct: msgspec.Struct) -> dict[str, Any]:
    """Return a struct as plain data, its secrets among it: for where they are to be kept."""
    plain: dict[str, Any] = msgspec.to_builtins(struct, enc_hook=_to_plain)
    return plain


def require_text(**secrets: SecretStr | None) -> None:
    """Refuse secrets that are there but empty, by name; for a struct's `__post_init__`."""
    for name, secret in secrets.items():
        if secret is not None and not secret:
            raise ValueError(f"{name} is empty")


def _from_plain(kind: type, value: object) -> object:
    if kind is SecretStr and isinstance(value, str):
        return SecretStr(value)
    raise TypeError("Expected `str`" if kind is SecretStr else f"{kind.__name__} isn't supported")


def _to_plain(value: object) -> object:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    raise NotImplementedError(f"{type(value).__name__} isn't plain data")
