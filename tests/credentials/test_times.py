"""Times as text for people."""

from __future__ import annotations

import pytest

from parallel_provider.credentials.times import duration, moment

HOUR = 3600
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "less than a minute"), (60, "1 minute"), (2 * HOUR - 1, "1 hour"), (3 * DAY, "3 days")],
)
def test_duration_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    """A time span has one unit: days, hours or minutes."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1_000_000.0, "1970-01-12 13:46 UTC"), (1e20, "at a time without a date")],
)
def test_moment_is_told_in_utc(seconds: float, text: str) -> None:
    """A time that no date can have is text too, and not an error."""
    assert moment(seconds) == text
