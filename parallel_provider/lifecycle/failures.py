"""The texts of failures, which are one line each."""

from __future__ import annotations

from parallel_provider.errors import ParallelError


def reason_of(error: Exception) -> str:
    """Return the text of an error of this package. The text of others may hold a secret."""
    return str(error) if isinstance(error, ParallelError) else f"unexpected {type(error).__name__}"
