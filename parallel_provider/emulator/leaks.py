"""Find secrets of the emulator's own making in a text that should hold none."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from .state import EmulatorState

# What a raw key is made of, and how long it is: `secrets.token_urlsafe(30)`.
_RAW_KEY_LENGTH = 40
_RAW_KEY_CHARACTERS = re.compile(rf"[A-Za-z0-9_-]{{{_RAW_KEY_LENGTH},}}")


def secrets_in(text: str, state: EmulatorState) -> list[str]:
    """Return the kinds of secrets that occur in `text`, without saying which ones."""
    found = []
    if any(token in text for token in state.tokens.access):
        found.append("access_token")
    if any(token in text for token in state.tokens.refresh):
        found.append("refresh_token")
    if any(code in text for code in state.sign_ins.by_device_code):
        found.append("device_code")
    if _holds_raw_key(text, state):
        found.append("raw_api_key")
    return found


def _holds_raw_key(text: str, state: EmulatorState) -> bool:
    """Try every place where a raw key could stand: only their hashes are known."""
    hashes = {
        key.raw_api_key_sha256
        for organization in state.organizations
        for key in organization.keys.values()
    }
    return bool(hashes) and any(
        hashlib.sha256(candidate.encode()).hexdigest() in hashes for candidate in _candidates(text)
    )


def _candidates(text: str) -> Iterator[str]:
    for match in _RAW_KEY_CHARACTERS.finditer(text):
        run = match.group()
        for start in range(len(run) - _RAW_KEY_LENGTH + 1):
            yield run[start : start + _RAW_KEY_LENGTH]
