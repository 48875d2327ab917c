"""How an operation ends early.

EngineError
├── Refused      something this engine doesn't do; the text names it
├── StepFailed   a resource could not be brought to where it should be; the text is the diagnostic
└── Cancelled    the operation is over, because something else failed
"""

from __future__ import annotations


class EngineError(Exception):
    """Anything that ends the work on one resource."""


class Refused(EngineError):  # noqa: N818 - it is no error of the engine
    """The program asks for what the embedded stack doesn't do."""

    def __init__(self, what: str, where: str = "") -> None:
        place = f" ({where})" if where else ""
        super().__init__(
            f"the embedded stack does not support {what}{place}: "
            "run this program with Pulumi itself, or leave it out of what is tested here"
        )


class StepFailed(EngineError):  # noqa: N818
    """One resource failed; the text is what its diagnostic says."""

    def __init__(self, urn: str, message: str, *, fatal: bool = True, in_step: bool = True) -> None:
        super().__init__(message)
        self.urn = urn
        self.fatal = fatal  # False: whatever else there is to do is still done
        self.in_step = in_step  # False: it failed before it was known what to do


class Cancelled(EngineError):  # noqa: N818
    """The operation has been called off."""
