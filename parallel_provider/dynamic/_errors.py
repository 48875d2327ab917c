"""What a user sees of a failure: one line, with the resource in it."""

from __future__ import annotations

from parallel_provider.errors import ParallelError


class ResourceError(ParallelError):
    """Something failed for one resource: what was being done, to which, why, what to do next."""

    __module__ = "parallel_provider"


class InternalError(ParallelError):
    """A bug in this package; the text says where, and nothing that the values could give away."""

    __module__ = "parallel_provider"
