"""Times in words."""

from __future__ import annotations

from datetime import datetime, timezone

_UNITS = ((24 * 60 * 60, "day"), (60 * 60, "hour"), (60, "minute"))


def duration(seconds: float) -> str:
    """Return a time span in words, in its largest whole unit: "3 days", "1 hour"."""
    for length, name in _UNITS:
        count = int(seconds // length)
        if count:
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "less than a minute"


def moment(epoch_seconds: float) -> str:
    """Return a point in time as people read it, in UTC."""
    try:
        time = datetime.fromtimestamp(epoch_seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return "at a time without a date"
    return time.strftime("%Y-%m-%d %H:%M UTC")
