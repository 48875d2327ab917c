"""What the lifecycle itself refuses.

LifecycleError
├── LostKeyError             a key may exist that nobody holds
└── UnknownChargeError       a charge was sent, and its outcome isn't known
"""

from __future__ import annotations

from parallel_provider.api import WrongOrganizationError
from parallel_provider.errors import ParallelError

__all__ = [
    "LifecycleError",
    "LostKeyError",
    "UnknownChargeError",
    "WrongOrganizationError",
    "reason_of",
]


class LifecycleError(ParallelError):
    """What was asked can't be done safely, or not as things stand at the server."""

    __module__ = "parallel_provider"


class LostKeyError(LifecycleError):
    """A key was perhaps created whose raw value was lost on the way."""

    __module__ = "parallel_provider"


class UnknownChargeError(LifecycleError):
    """The card was perhaps charged; the text names the idempotency key and what is safe."""

    __module__ = "parallel_provider"


def reason_of(error: Exception) -> str:
    """Return an error's own words if it is one of ours; others may hold anything, a secret too."""
    return str(error) if isinstance(error, ParallelError) else f"unexpected {type(error).__name__}"
