"""Property paths, as `ignore_changes` and `replace_on_changes` name them.

root.nested["with dot"][0].*
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pulumi_embedded.values import Properties, Secret, Value

Path = tuple[str | int, ...]
_ABSENT: Final = object()
_ANY: Final = "*"

_PART = re.compile(
    r"""\.?(?P<name>[^.\[\]"]+)          # a name, with a dot before it unless it is the first
      | \[(?P<index>\d+|\*)\]            # an index
      | \["(?P<key>(?:[^"\\]|\\.)*)"\]   # a quoted name
    """,
    re.VERBOSE,
)


def parse(text: str) -> Path:
    """Parse a path. Text that isn't a valid path is taken as one name."""
    parts: list[str | int] = []
    at = 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return (text,)
        at = part.end()
        index = part["index"]
        if index is not None:
            parts.append(_ANY if index == _ANY else int(index))
        elif part["key"] is not None:
            parts.append(part["key"].replace('\\"', '"'))
        else:
            parts.append(part["name"])
    return tuple(parts)


def covers(pattern: Path, path: Path) -> bool:
    """Say whether the pattern matches this path or a part of its beginning."""
    if len(pattern) > len(path):
        return False
    return all(wanted in (_ANY, part) for wanted, part in zip(pattern, path, strict=False))


def changed(old: Value, new: Value, prefix: Path = ()) -> Iterator[Path]:
    """Yield the deepest paths at which two values differ. The values hold no `Secret`."""
    match old, new:
        case dict(), dict():
            for key in sorted(old.keys() | new.keys()):
                yield from changed(old.get(key, _ABSENT), new.get(key, _ABSENT), (*prefix, key))
        case list(), list():
            for index in range(max(len(old), len(new))):
                yield from changed(_item(old, index), _item(new, index), (*prefix, index))
        case _ if old is not new and (type(old) is bool) != (type(new) is bool):
            yield prefix
        case _ if old is not new and old != new:
            yield prefix


def reset(properties: Properties, old: Properties, path: Path) -> Properties:
    """Return the properties with the old value at one path. An empty path changes nothing."""
    if not path:
        return properties
    result = _reset(properties, old, path)
    return properties if result is _ABSENT else dict(result)


def _reset(new: Any, old: Any, path: Path) -> Any:  # noqa: ANN401 - values, or their absence
    """Return the new value with the old one at the path, or `_ABSENT` if the path doesn't fit."""
    if not path:
        return old
    if isinstance(new, Secret) or isinstance(old, Secret):
        inner = _reset(_without_mark(new), _without_mark(old), path)
        return _ABSENT if inner is _ABSENT else Secret(inner)
    head, rest = path[0], path[1:]
    if isinstance(new, dict) and isinstance(old, dict):
        keys = sorted(new.keys() | old.keys()) if head == _ANY else [head]
        return _reset_keys(new, old, keys, rest)
    if isinstance(new, list) and isinstance(old, list):
        indexes = range(min(len(new), len(old))) if head == _ANY else [head]
        return _reset_items(new, old, indexes, rest)
    return _ABSENT


def _reset_keys(new: Properties, old: Properties, keys: Sequence[Any], rest: Path) -> Any:  # noqa: ANN401
    result = dict(new)
    for key in keys:
        if not rest and key not in old:
            result.pop(key, None)
            continue
        if rest and (key not in old or key not in new):
            return _ABSENT
        value = _reset(new.get(key), old[key], rest)
        if value is _ABSENT:
            return _ABSENT
        result[key] = value
    return result


def _reset_items(new: list[Value], old: list[Value], indexes: Sequence[Any], rest: Path) -> Any:  # noqa: ANN401
    result = list(new)
    for index in indexes:
        if not isinstance(index, int) or index >= len(new) or index >= len(old):
            return _ABSENT
        value = _reset(new[index], old[index], rest)
        if value is _ABSENT:
            return _ABSENT
        result[index] = value
    return result


def _without_mark(value: Value) -> Value:
    return value.value if isinstance(value, Secret) else value


def _item(items: list[Value], index: int) -> Value:
    return items[index] if index < len(items) else _ABSENT
