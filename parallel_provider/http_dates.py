"""Times in the headers of HTTP answers."""

from __future__ import annotations

import email.utils
import time
from datetime import timezone

# Any call ends long before that.
_LONGEST_RETRY_AFTER_SECONDS = 24 * 60 * 60.0


def parse_http_date(text: str | None) -> float | None:
    """Return the epoch seconds of an HTTP date; None for what isn't one."""
    if text is None:
        return None
    try:
        date = email.utils.parsedate_to_datetime(text.strip())
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, IndexError, ArithmeticError):
        # The parser raises all of these; a time zone of 400 digits is one example.
        return None


def parse_retry_after(value: str | None, now: float | None = None) -> float | None:
    """Return the seconds to wait that a Retry-After header asks for; None when it says nothing.

    The header holds whole seconds or an HTTP date (RFC 9110, section 10.2.3). `now` is epoch
    seconds: this machine's time, unless it is given. At most a day.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), _LONGEST_RETRY_AFTER_SECONDS)
    date = parse_http_date(text)
    if date is None:
        return None
    return min(max(0.0, date - (now or time.time())), _LONGEST_RETRY_AFTER_SECONDS)
