"""Whether a state can be handed to Pulumi's engine, which takes valid Unicode and plain numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

# Numbers travel as doubles: beyond this, two integers become one.
_LARGEST_INTEGER = 2**53


def unsendable(outputs: Mapping[str, object]) -> str | None:
    """Say which output the engine can't take, and why; never its value, which may be a secret."""
    for name, value in outputs.items():
        misfit = _misfit(value)
        if misfit is not None:
            return f"{name} holds {misfit}"
    return None


def is_valid_text(text: str) -> bool:
    """Say whether a text can be written as UTF-8: half of a surrogate pair can't."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _misfit(value: object) -> str | None:
    if isinstance(value, Mapping):
        return next(filter(None, map(_misfit, (*value, *value.values()))), None)
    if isinstance(value, list | tuple):
        return next(filter(None, map(_misfit, value)), None)
    if isinstance(value, str):
        return None if is_valid_text(value) else "text that isn't valid Unicode"
    if isinstance(value, float) and not math.isfinite(value):
        return "a number that isn't finite"
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        return "a number that is too large"
    return None
