"""Checks `triggers` in the program, since Pulumi's own error would be a long traceback."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

import pulumi

from parallel_provider.resources import _program

_SENDABLE = (str, bool, int, float, Enum, pulumi.Output, pulumi.Resource)


def json_like(
    kind: str, resource_name: str, triggers: pulumi.Input[Any] | None
) -> pulumi.Input[Any] | None:
    """Return `triggers` if it is JSON-like, as far as it is known already.

    Raises pulumi.RunError, which Pulumi shows as one line. The provider's check sees the values of
    outputs later.
    """
    misfit = _misfit(triggers)
    if misfit is not None:
        raise _program.run_error(
            f"{kind} {resource_name!r}: triggers holds {misfit}: make it of text, numbers, "
            "booleans, lists and dicts with text keys, such as str() of what it is"
        )
    return triggers


def _misfit(value: object) -> str | None:
    """Return the type of the first value that can't be sent. The value may be a secret."""
    if value is None or isinstance(value, _SENDABLE) or inspect.isawaitable(value):
        return None
    inner: Iterable[object]
    if isinstance(value, Mapping):
        odd_keys = [key for key in value if not isinstance(key, str)]
        if odd_keys:
            return f"a dict key of type {type(odd_keys[0]).__name__}"
        inner = value.values()
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        inner = value
    else:
        return f"a value of type {type(value).__name__}"
    return next(filter(None, map(_misfit, inner)), None)
