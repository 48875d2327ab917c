"""Times as text for people."""

from __future__ import annotations

import pytest

from parallel_provider.credentials.times import LATEST_SECONDS, duration, epoch_seconds, moment

HOUR = 3600
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "less than a minute"), (60, "1 minute"), (2 * HOUR - 1, "1 hour"), (3 * DAY, "3 days")],
)
def test_duration_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    """A time span has one unit: days, hours or minutes."""
    assert duration(seconds) == text


def test_moment_is_told_in_utc() -> None:
    """The person who reads it may be elsewhere than the machine."""
    assert moment(1_000_000.0) == "1970-01-12 13:46 UTC"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0.0),
        (5.5, 5.5),
        (LATEST_SECONDS, LATEST_SECONDS),
        (-1, None),
        (LATEST_SECONDS + 1, None),
        (10**400, None),
        (float("nan"), None),
        ("5", None),
        (True, None),
        (None, None),
    ],
)
def test_only_a_number_that_a_date_can_have_is_a_point_in_time(
    value: object, seconds: float | None
) -> None:
    """Whatever is printed by a command or stands in a token, it gets a date."""
    assert epoch_seconds(value) == seconds
