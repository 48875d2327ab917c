"""Lengths of time as users write them: "90d", "1d12h", or ISO 8601 ("P30D", "PT12H")."""

from __future__ import annotations

import re

_UNITS = {"w": 7 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SIMPLE = re.compile(r"(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_ISO_8601 = re.compile(
    r"P(?=\d|T\d)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?"
)
# A thousand years: longer ones are mistakes, and dates end at the year 9999.
_LONGEST = 1_000 * 365 * 86_400

EXPECTED = 'a duration such as "90d", "12h", "30m", "45s", "1d12h", or ISO 8601 ("P30D")'


def parse_duration(text: str) -> int:
    """Return the seconds that `text` stands for; whole numbers only, no months or years.

    Raises ValueError for anything else, and for more than a thousand years.
    """
    match = _SIMPLE.fullmatch(text) or _ISO_8601.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError(f"must be {EXPECTED}")
    counts = (int(count or 0) for count in match.groups())
    seconds = sum(count * unit for count, unit in zip(counts, _UNITS.values(), strict=True))
    if seconds > _LONGEST:
        raise ValueError("must be less than a thousand years")
    return seconds


def format_duration(seconds: float) -> str:
    """Write a length of time for a person, to the two largest units: "91d 4h"."""
    rest = max(0, int(seconds))
    parts = []
    for name, unit in _UNITS.items():
        if name == "w":
            continue
        count, rest = divmod(rest, unit)
        if count:
            parts.append(f"{count}{name}")
    return " ".join(parts[:2]) or "0s"
