"""What a user sees of a failure: one line, with the resource in it."""

from __future__ import annotations

from parallel_provider.errors import ParallelError


class ResourceError(ParallelError):
    """Something failed for one resource: what was being done, to which, why, what to do next."""

    __module__ = "parallel_provider"


class InternalError(ParallelError):
    """A bug in this package; the text says where, and nothing that the values could give away."""

    __module__ = "parallel_provider"


def with_configuration_hint(text: str) -> str:
    """Say which configuration counts, where an error is about the stack's."""
    if "parallel:" not in text:
        return text
    return (
        f"{text} (`pulumi refresh` and `pulumi destroy` use the configuration of the last "
        "`pulumi up`: with --run-program, they use today's)"
    )
