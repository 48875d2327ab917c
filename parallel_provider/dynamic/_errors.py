"""What a user sees of a failure: one line, with the resource in it."""

from __future__ import annotations

from parallel_provider.errors import InternalError, ResourceError

__all__ = ["InternalError", "ResourceError", "with_configuration_hint"]


def with_configuration_hint(text: str) -> str:
    """Say which configuration counts, where an error is about the stack's."""
    if "parallel:" not in text:
        return text
    return (
        f"{text} (`pulumi refresh` and `pulumi destroy` use the configuration of the last "
        "`pulumi up`: with --run-program, they use today's)"
    )
