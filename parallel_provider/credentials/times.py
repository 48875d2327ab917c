"""Numbers that others send or store as times, where they can be taken for one."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BeforeValidator

# The end of the year 9999: what lies beyond it has no date, and is no time that anybody meant.
LATEST_SECONDS = 253_402_300_799.0
# Three thousand years; added to today, it still has a date.
LONGEST_SECONDS = 1e11


def finite_number(value: object) -> float | None:
    """Return a JSON value as a finite number, or None; a text with a number in it is one too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # an integer of 400 digits is beyond every float
        return None
    return number if math.isfinite(number) else None


def lifetime(value: object) -> float | None:
    """Return a number of seconds that can be added to a time, or None for anything else."""
    seconds = finite_number(value)
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_SECONDS else None


def is_absurd_time(value: object) -> bool:
    """Say whether a value is a number, and none that can be epoch seconds: NaN, negative, far."""
    try:
        return not 0 <= float(value) <= LATEST_SECONDS  # type: ignore[arg-type] # that is asked
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def _number_in_text(value: object) -> object:
    number = finite_number(value)
    return value if number is None else number


def _number_unless_absurd(value: object) -> object:
    return None if is_absurd_time(value) else _number_in_text(value)


TextOrNumber = Annotated[float, BeforeValidator(_number_in_text)]
"""A finite number, or a text with one in it."""

EpochSeconds = Annotated[float | None, BeforeValidator(_number_unless_absurd)]
"""A point in time; a number that can't be one counts as unknown (None)."""
