"""Times: points in time from JSON, and times as text for people."""

from __future__ import annotations

from datetime import datetime, timezone

# The end of the year 9999, the last one that a date can have.
LATEST_SECONDS = 253_402_300_799.0
_UNITS = ((24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute"))


def epoch_seconds(value: object) -> float | None:
    """Return a number that can be a point in time as a float, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LATEST_SECONDS else None


def duration(seconds: float) -> str:
    """Return a time span as text, in its largest whole unit: "3 days", "1 hour"."""
    for length, name in _UNITS:
        count = int(seconds // length)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"


def moment(seconds: float) -> str:
    """Return a point in time (epoch seconds) as text, in UTC: "2026-11-23 14:46 UTC"."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
