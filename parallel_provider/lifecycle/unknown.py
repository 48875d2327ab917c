"""The value that stands where a preview doesn't know one yet."""

from __future__ import annotations


class Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
"""A value that will be known once the resource that it comes from exists."""


def holds_unknown(value: object) -> bool:
    """Say whether a JSON-like value is unknown, or has an unknown part."""
    if isinstance(value, dict):
        return any(map(holds_unknown, value.values()))
    if isinstance(value, list | tuple):
        return any(map(holds_unknown, value))
    return isinstance(value, Unknown)
