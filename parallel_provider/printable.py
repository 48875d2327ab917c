"""Make other people's words safe to print: a server's, a command's, a file's."""

from __future__ import annotations

import re
import unicodedata

MAX_LENGTH = 300

# Every JWT begins with the base64url of `{"`: an access token, wherever it turns up.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
MASK = "********"


def printable(text: str, limit: int = MAX_LENGTH) -> str:
    """Return `text` as one bounded line without control characters (they steer terminals)."""
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    words = " ".join(plain.split())
    return words if len(words) <= limit else words[:limit] + "…"


def masked(text: str, *secrets: str) -> str:
    """Return `text` without `secrets`, and without anything that looks like an access token."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    return _JWT.sub(MASK, text)
