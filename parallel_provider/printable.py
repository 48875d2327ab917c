"""Make texts safe to print. A text may quote the words of a server, a command or a file.

Every text for a user passes one exit, `line_for_user`, on its way to Pulumi or to the terminal.
Until then, a text names an input or output with `field_name`, since each door spells it its own
way: `app_id` in Python, `appId` in the native plugin.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path

MAX_LENGTH = 300
MASK = "********"

# Every JWT begins with the base64url of `{"`.
_JWT_START = "eyJ"
_BEGINS_WITH_TOKEN = re.compile(r"(?<![A-Za-z0-9])eyJ")
_TOKEN_CHARACTERS = re.compile(r"[A-Za-z0-9_.-]+")
_DOTS_OF_A_TOKEN = 2
# A part of a token that white space has split; no English word is as long.
_LONG_PART = 20
# A shorter text could be a part of other words.
_SHORTEST_SECRET = 8
_known_secrets: set[str] = set()
# A shorter name is a part of too many words.
_SHORTEST_HIDDEN = 3
_hidden: set[str] = set()
# Private-use characters: `printable` and `line_for_user` let none of them through.
_FIELD = "\ue000{}\ue001"
_MARKED_FIELD = re.compile(_FIELD.format("(\\w+)"))
_COMMAND = "parallel-provider"
_path_of_command: list[str] = []
COLOR_TAG = "<{%"
"""Begins a colour for Pulumi. One that it doesn't know ends it in the middle of a run."""


def remember_secret(text: str) -> None:
    """Let `masked` hide this token or key from now on, whatever it looks like."""
    secret = _without_space(text)
    if len(secret) >= _SHORTEST_SECRET:
        _known_secrets.add(secret)


def hide(text: object) -> None:
    """Let `line_for_user` hide this text from now on: a name that the program calls a secret."""
    if isinstance(text, str) and len(text) >= _SHORTEST_HIDDEN:
        _hidden.add(text)


def call_commands_by_path() -> None:
    """Let `line_for_user` name the command line by its path, unless it is on PATH."""
    path = Path(sys.executable).with_name(_COMMAND)
    if shutil.which(_COMMAND) is None and path.exists():
        _path_of_command[:] = [shlex.quote(str(path))]


def field_name(name: str) -> str:
    """Return the name of an input or output, such as "app_id", for a text for users."""
    return _FIELD.format(name)


def line_for_user(text: str, spell: Callable[[str], str] = str) -> str:
    """Return a text as one line that is safe to hand to Pulumi.

    Secrets and hidden texts are masked, control characters removed, and Pulumi's colour tags broken
    up. `spell` spells the names of `field_name`, which are in snake_case.
    """
    spelled = _MARKED_FIELD.sub(lambda match: spell(match[1]), masked(text, *_hidden))
    for path in _path_of_command:
        spelled = spelled.replace(f"`{_COMMAND} ", f"`{path} ")
    return _one_line(spelled).replace(COLOR_TAG, "<{ %")


def printable(text: str, limit: int = MAX_LENGTH) -> str:
    """Return `text` as one line of at most `limit` characters, without control characters."""
    words = _one_line(text)
    return words if len(words) <= limit else words[:limit] + "…"


def _one_line(text: str) -> str:
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join(plain.split())


def masked(text: str, *secrets: str) -> str:
    """Return `text` with `secrets`, remembered secrets and everything like a token masked."""
    named = [_without_space(secret) for secret in secrets]
    return _without_tokens(_without_secrets(text, [*named, *_known_secrets]))


def masked_setting(value: str) -> str:
    """Return a setting's value for a message. It is masked as a whole if it holds a token."""
    is_token = _BEGINS_WITH_TOKEN.search(_without_space(value)) or masked(value) != value
    return MASK if is_token else printable(value)


def _without_space(text: str) -> str:
    return "".join(text.split())


def _without_tokens(text: str) -> str:
    """Mask what looks like a token. One pass, so the time is linear for any text."""
    if _JWT_START not in text:
        return text
    parts: list[str] = []
    end, follows_token = 0, False
    for match in _TOKEN_CHARACTERS.finditer(text):
        word, between = match[0], text[end : match.start()]
        follows_token = follows_token and between.isspace() and len(word) >= _LONG_PART
        start = 0 if follows_token else _start_of_jwt(word)
        follows_token = start is not None
        parts += [between, word if start is None else word[:start] + MASK]
        end = match.end()
    return "".join([*parts, text[end:]])


def _start_of_jwt(word: str) -> int | None:
    start = word.find(_JWT_START)
    if start >= 0 and word.count(".", start) >= _DOTS_OF_A_TOKEN:
        return start
    match = _BEGINS_WITH_TOKEN.search(word)
    return match.start() if match else None


def _without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Replace secrets by the mask, also if there is white space in them."""
    squeezed = _without_space(text)
    found = [secret for secret in secrets if secret and secret in squeezed]
    if not found:
        return text
    positions = [index for index, character in enumerate(text) if not character.isspace()]
    spans = []
    for secret in found:
        start = squeezed.find(secret)
        while start >= 0:
            spans.append((positions[start], positions[start + len(secret) - 1] + 1))
            start = squeezed.find(secret, start + len(secret))
    parts, end = [], 0
    for first, last in sorted(spans):
        if first >= end:
            parts += [text[end:first], MASK]
        end = max(end, last)
    return "".join([*parts, text[end:]])
