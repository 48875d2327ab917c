"""The errors of the lifecycle, and what may be told of others."""

from __future__ import annotations

from parallel_provider.errors import (
    LifecycleError,
    LostKeyError,
    ParallelError,
    UnknownChargeError,
    WrongOrganizationError,
)

__all__ = [
    "LifecycleError",
    "LostKeyError",
    "UnknownChargeError",
    "WrongOrganizationError",
    "reason_of",
]


def reason_of(error: Exception) -> str:
    """Return an error's own words if it is one of ours; others may hold anything, a secret too."""
    return str(error) if isinstance(error, ParallelError) else f"unexpected {type(error).__name__}"
