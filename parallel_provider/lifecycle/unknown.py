"""The value that stands where a preview doesn't know one yet."""

from __future__ import annotations


class Unknown:
    """The type of UNKNOWN."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
"""A value that will be known once the resource that it comes from exists."""
