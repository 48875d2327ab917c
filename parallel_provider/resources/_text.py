"""Look at the inputs' text in the program: what isn't Unicode would end it with pages of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi


def sendable(kind: str, resource_name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return `inputs` if all the text that is known of them already can be sent.

    Raises pulumi.RunError, which Pulumi prints as one line, for half of a surrogate pair: a Python
    string can hold one, as what comes of undecodable bytes, and UTF-8 can't.
    """
    for name, value in {"the resource's name": resource_name, **inputs}.items():
        if _has_lone_surrogate(value):
            raise pulumi.RunError(
                f"{kind} {resource_name!r}: {name} holds text that isn't valid Unicode (a lone "
                "surrogate): check how it was decoded"
            )
    return inputs


def _has_lone_surrogate(value: object) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, Mapping):
        return any(map(_has_lone_surrogate, (*value, *value.values())))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return any(map(_has_lone_surrogate, value))
    return False
