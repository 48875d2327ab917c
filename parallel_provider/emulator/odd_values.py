"""Answers whose fields have odd values, for the fault `odd`.

The values are JSON text, since what is odd often has no JSON value in Python or in the request that
asks for it: NaN, Infinity, a number of 400 digits, a lone surrogate.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .text import require_unicode

_EACH = "*"


class NoSuchFieldError(Exception):
    """The answer doesn't have the field that a fault is to change; the text is its path."""


def require_json(text: str) -> str:
    """Return text that is JSON, in Python's wide sense; raise ValueError for any other."""
    require_unicode(text)
    try:
        # Without conversion, as Python refuses to convert numbers of some thousand digits.
        json.loads(text, parse_int=str, parse_float=str)
    except RecursionError:
        pass  # nested more deeply than Python reads: as odd as can be, and wanted
    except ValueError:
        raise ValueError("Input should be JSON text, such as NaN or null or '\"text\"'") from None
    return text


def with_odd_values(body: bytes, replace: Mapping[str, str], remove: Sequence[str]) -> bytes:
    """Return a JSON body with some fields replaced by JSON text, and some removed.

    A path is dotted: `apps.0.app_id`; `apps.*.app_id` is each one's, and the empty path is the
    whole body. Replacing a field that an object doesn't have adds it. Raises NoSuchFieldError.
    """
    try:
        root = {"": json.loads(body)}
    except ValueError:  # a page, or nothing
        raise NoSuchFieldError(next(iter([*replace, *remove]))) from None
    texts: dict[str, str] = {}
    for path, text in replace.items():
        mark = secrets.token_hex(16)
        texts[json.dumps(mark)] = text
        for parent, name in _places(root, path):
            parent[name] = mark
    for path in remove:
        for parent, name in reversed(_places(root, path)):  # places in a list move up
            if isinstance(name, str) and name not in parent:
                raise NoSuchFieldError(path)
            del parent[name]
    changed = json.dumps(root[""]) if "" in root else ""
    for mark, text in texts.items():
        changed = changed.replace(mark, text)
    return changed.encode()


def _places(root: Any, path: str) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    """Return what a path stands for: objects or lists, each with the name or place in it."""
    *parents, last = ["", *path.split(".")] if path else [""]
    found = [root]
    for part in parents:
        found = [inner for outer in found for inner in _inside(outer, part, path)]
    return [(parent, name) for parent in found for name in _names(parent, last, path)]


def _inside(outer: Any, part: str, path: str) -> Iterator[Any]:  # noqa: ANN401 - any JSON
    for name in _names(outer, part, path):
        if isinstance(outer, dict) and name not in outer:
            raise NoSuchFieldError(path)
        yield outer[name]


def _names(parent: Any, part: str, path: str) -> list[Any]:  # noqa: ANN401 - any JSON
    if isinstance(parent, dict):
        return [part]
    if isinstance(parent, list) and part == _EACH:
        return list(range(len(parent)))
    if isinstance(parent, list) and part.isdecimal() and int(part) < len(parent):
        return [int(part)]
    raise NoSuchFieldError(path)
