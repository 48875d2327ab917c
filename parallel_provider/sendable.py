"""JSON-like values, and which of them Pulumi takes as they are.

Its engine gives some values a meaning of its own. Answers of the API are read so that they hold
none (`api.models`), and inputs are checked. What passes both and goes to the engine is looked at
once more, with `require_sendable`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from parallel_provider.errors import LifecycleError
from parallel_provider.printable import COLOR_TAG, field_name

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of a dict that Pulumi reads as a secret, an asset, a resource, or an output."""

UNKNOWN_MARKER = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The text that stands for an unknown value in Pulumi's protocol."""

UNKNOWN_MARKERS = frozenset(
    {
        UNKNOWN_MARKER,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # a dict
    }
)
"""UNKNOWN_MARKER, and those of values that aren't text."""

_USE_JSON = (
    "make it of text, numbers, booleans, lists and dicts with text keys, such as str() of what it "
    "is"
)
MAX_INTEGER = 2**53 - 1
"""The largest integer that Pulumi sends exactly: its numbers are doubles."""


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - JSON-like
    """Return JSON-like data with each value changed that is no dict and no list."""
    if isinstance(value, Mapping):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mapped(item, change) for item in value]
    return change(value)


def whole(value: object) -> object:
    """Return a whole number as an int. Pulumi sends all numbers as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def unsendable(
    outputs: Mapping[str, object], other_types: tuple[type, ...] = (object,)
) -> str | None:
    """Say which value the engine can't take, and why; never the value, which may be a secret.

    `other_types` are those that it takes besides the types of JSON.
    """
    for name, value in outputs.items():
        reason = misfit(value, other_types)
        if reason is not None:
            return f"{field_name(name)} holds {reason}"
    return None


def require_sendable(outputs: Mapping[str, object]) -> None:
    """Raise LifecycleError if the engine can't take a value as it is."""
    problem = unsendable(outputs)
    if problem is not None:
        raise LifecycleError(f"{problem}, so it can't be handed to Pulumi")


def misfit(value: object, other_types: tuple[type, ...] = (object,)) -> str | None:
    """Say what a value holds that the engine can't take as it is; None if there is nothing."""
    parts: list[object] = []
    if isinstance(value, Mapping):
        odd_keys = [key for key in value if not isinstance(key, str)]
        if odd_keys:
            return f"a dict key of type {type(odd_keys[0]).__name__}: {_USE_JSON}"
        parts = [*value, *value.values()]
    elif isinstance(value, list | tuple):
        parts = [*value]
    elif isinstance(value, str):
        return _misfit_of_text(value)
    elif isinstance(value, int | float):
        return _misfit_of_number(value)
    elif value is not None and not isinstance(value, other_types):
        return f"a value of type {type(value).__name__}: {_USE_JSON}"
    return next(filter(None, (misfit(part, other_types) for part in parts)), None)


def _misfit_of_number(number: float) -> str | None:
    if isinstance(number, float) and not math.isfinite(number):
        return "a number that isn't finite"
    if abs(number) > MAX_INTEGER:
        return f"a number beyond {MAX_INTEGER}, which Pulumi can't send exactly: write it as text"
    return None


def _misfit_of_text(text: str) -> str | None:
    if text in UNKNOWN_MARKERS or text == SIGNATURE:
        return "a text that Pulumi uses as a mark of its own"
    if COLOR_TAG in text:
        return f"{COLOR_TAG}, with which Pulumi begins a colour"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "text that isn't valid Unicode (a lone surrogate): check how it was decoded"
    return None
