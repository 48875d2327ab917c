"""Times: numbers from JSON that can be used as times, and times as text for people."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Annotated

from pydantic import BeforeValidator

# The end of the year 9999, the last one that a date can have.
LATEST_SECONDS = 253_402_300_799.0
# About three thousand years: today plus this still has a date.
LONGEST_SECONDS = 1e11
_UNITS = ((24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute"))


def finite_number(value: object) -> float | None:
    """Return a number, or a text with a number in it, as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # an integer of 400 digits is too large for a float
        return None
    return number if math.isfinite(number) else None


def lifetime(value: object) -> float | None:
    """Return a number of seconds that can be added to a time, or None for anything else."""
    seconds = finite_number(value)
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_SECONDS else None


def is_absurd_time(value: object) -> bool:
    """Say whether a value is a number that can't be epoch seconds: NaN, negative or too large."""
    try:
        return not 0 <= float(value) <= LATEST_SECONDS  # type: ignore[arg-type] # any value
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def duration(seconds: float) -> str:
    """Return a time span as text, in its largest whole unit: "3 days", "1 hour"."""
    for length, name in _UNITS:
        count = int(seconds // length)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"


def moment(epoch_seconds: float) -> str:
    """Return a point in time as text, in UTC: "2026-11-23 14:46 UTC"."""
    try:
        time = datetime.fromtimestamp(epoch_seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return "at a time without a date"
    return time.strftime("%Y-%m-%d %H:%M UTC")


def _number_from_text(value: object) -> object:
    number = finite_number(value)
    return value if number is None else number


def _number_or_unknown(value: object) -> object:
    return None if is_absurd_time(value) else _number_from_text(value)


NumberOrText = Annotated[float, BeforeValidator(_number_from_text)]
"""A field with a finite number, which may arrive as text."""

EpochSeconds = Annotated[float | None, BeforeValidator(_number_or_unknown)]
"""A field with a point in time. A number that can't be one counts as unknown (None)."""
