"""Headers that hold times."""

from __future__ import annotations

import pytest

from parallel_provider.http_dates import parse_retry_after

NOW = 1_796_083_140.0  # Mon, 30 Nov 2026 23:59:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Tue, 01 Dec 2026 00:00:00 GMT", 60.0),
        ("Tue, 01 Dec 2026 00:00:00", 60.0),
        ("Tue, 01 Dec 2026 01:00:00 +0100", 60.0),
        ("Mon, 30 Nov 2026 00:00:00 GMT", 0.0),
        ("Fri, 01 Jan 0001 00:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, 86_400.0),
        ("Tue, 01 Dec 2099 00:00:00 GMT", 86_400.0),
        ("Tue, 01 Dec 2026 00:00:00 +9999", None),
        ("Tue, 01 Dec 2026 00:00:00 -" + "9" * 400, None),
        ("Tue, 01 Dec " + "9" * 400 + " 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    """Any other value is ignored."""
    assert parse_retry_after(value, NOW) == seconds
