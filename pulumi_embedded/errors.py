"""Exceptions of the engine.

EngineError
├── Refused      the program uses a feature that this engine doesn't support; the text names it
├── StepFailed   one resource failed; the text is its diagnostic
└── Cancelled    the operation was cancelled because something else failed
"""

from __future__ import annotations


class EngineError(Exception):
    """Base class. Ends the work on one resource."""


class Refused(EngineError):  # noqa: N818 - public name
    """The program or the caller uses a feature that the embedded stack doesn't support."""

    def __init__(self, what: str, where: str = "", *, advice: str = "") -> None:
        place = f" ({where})" if where else ""
        general = "run this program with Pulumi itself, or leave this feature out of the test"
        super().__init__(f"the embedded stack does not support {what}{place}: {advice or general}")


class StepFailed(EngineError):  # noqa: N818
    """One resource failed. The text is its diagnostic."""

    def __init__(self, urn: str, message: str, *, fatal: bool = True, in_step: bool = True) -> None:
        super().__init__(message)
        self.urn = urn
        self.fatal = fatal  # False: the operation goes on with other resources
        self.in_step = in_step  # False: it failed before a step was chosen (check, diff)


class Cancelled(EngineError):  # noqa: N818
    """The operation was cancelled."""
