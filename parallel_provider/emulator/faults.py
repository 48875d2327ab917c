"""The faults that tests asked for: which request meets one, and the answers that they change.

`traffic.py` asks here for each request, and sends the result.
"""

from __future__ import annotations

import json
import secrets
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .control_models import ANY, Fault

Headers = list[tuple[bytes, bytes]]

_FIRST_ERROR_STATUS = 400
_HTML = b"text/html; charset=utf-8"
_JSON = b"application/json"
_GARBAGE = b"<html><body>\xff\xfe{not json at all"
_GZIP_BLOCK = b" " * (1 << 20)
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_GZIP_LAST_BLOCK = b"\x03\x00"


@dataclass(slots=True)
class Answer:
    """A whole HTTP response, before any of it is sent."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""


def take_fault(waiting: list[Fault], method: str, route: str) -> Fault | None:
    """Return the fault for this request: the oldest that is due, if any.

    Each fault counts the requests that it lets pass (`after`) on its own. Requests that meet
    another fault count, too.
    """
    due: Fault | None = None
    for fault in waiting:
        if fault.method.upper() not in (ANY, method) or fault.path not in (ANY, route):
            continue
        if fault.after:
            fault.after -= 1
        elif due is None:
            due = fault
    if due is not None:
        due.times -= 1
        if not due.times:
            waiting.remove(due)
    return due


def status_answer(fault: Fault) -> Answer:
    """Return the answer of the kind `status`."""
    return _replace_answer(Answer(), fault, default=b'{"detail":"Injected fault"}')


def change_answer(answer: Answer, fault: Fault) -> Answer:
    """Return the answer as `garbage`, `gzip_bomb` and `odd` change it; other kinds don't."""
    if fault.kind == "garbage":
        return _replace_answer(answer, fault, default=_GARBAGE)
    if fault.kind == "gzip_bomb":
        bomb = gzip_bomb(fault.size_bytes)
        return _with_body(answer, bomb, (b"content-encoding", b"gzip"))
    if fault.kind == "odd":
        return _change_fields(answer, fault)
    return answer


def _replace_answer(answer: Answer, fault: Fault, default: bytes) -> Answer:
    """Return the status, headers and body of the fault, with a default for the body."""
    if fault.body is None:
        body, content_type = default, _HTML if default.startswith(b"<") else _JSON
    elif isinstance(fault.body, str):
        body, content_type = fault.body.encode(), _HTML
    else:
        body, content_type = json.dumps(fault.body).encode(), _JSON
    headers = {b"content-type": content_type, b"content-length": str(len(body)).encode()}
    headers |= {name.lower().encode(): text.encode() for name, text in fault.headers.items()}
    return Answer(fault.status or answer.status, list(headers.items()), body)


def _change_fields(answer: Answer, fault: Fault) -> Answer:
    """Change fields of a successful answer. An error answer stays as it is."""
    if answer.status >= _FIRST_ERROR_STATUS:
        return answer
    path, texts = "", {}
    try:
        root = {"": json.loads(answer.body)}
        for path, text in fault.replace.items():
            placeholder = secrets.token_hex(16)
            texts[json.dumps(placeholder)] = text
            for parent, name in _find_places(root, path):
                parent[name] = placeholder
        for path in fault.remove:
            # Last first: removing an item moves those behind it.
            for parent, name in reversed(_find_places(root, path)):
                del parent[name]
    except (LookupError, TypeError, ValueError):
        detail = f"The answer has no field {path!r} for the fault `odd` to change"
        return _with_body(Answer(500, answer.headers), json.dumps({"detail": detail}).encode())
    changed = json.dumps(root[""]) if root else ""
    # The new values are text, as Python's JSON has no value for some of them.
    for placeholder, text in texts.items():
        changed = changed.replace(placeholder, text)
    return _with_body(answer, changed.encode())


def _find_places(root: Any, path: str) -> list[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    """Return the places of a path: pairs of an object and a name, or of a list and an index.

    A path is dotted: `apps.0.app_id`. `apps.*.app_id` is that field of each app, and the empty
    path is the whole body.
    """
    places = [(root, "")]
    for part in path.split(".") if path else ():
        parents = [parent[name] for parent, name in places]
        places = [(parent, name) for parent in parents for name in _names_of(parent, part)]
    return places


def _names_of(parent: Any, part: str) -> Sequence[Any]:  # noqa: ANN401 - any JSON
    if isinstance(parent, list):
        return range(len(parent)) if part == "*" else [int(part)]
    return [part]


def _with_body(answer: Answer, body: bytes, *more_headers: tuple[bytes, bytes]) -> Answer:
    headers = [header for header in answer.headers if header[0] != b"content-length"]
    headers += [(b"content-length", str(len(body)).encode()), *more_headers]
    return Answer(answer.status, headers, body)


@lru_cache(maxsize=4)
def gzip_bomb(decompressed_bytes: int) -> bytes:
    """Return so many spaces in gzip form, which is about a thousandth of their size.

    After a full flush, a compressed block doesn't refer to what stands before it. So one block is
    compressed once and repeated, and the whole text is never in memory.
    """
    whole, rest = divmod(decompressed_bytes, len(_GZIP_BLOCK))
    checksum = 0
    for _ in range(whole):
        checksum = zlib.crc32(_GZIP_BLOCK, checksum)
    checksum = zlib.crc32(_GZIP_BLOCK[:rest], checksum)
    trailer = struct.pack("<II", checksum, decompressed_bytes % (1 << 32))
    blocks = [_compress(_GZIP_BLOCK)] * whole + [_compress(_GZIP_BLOCK[:rest])]
    return b"".join([_GZIP_HEADER, *blocks, _GZIP_LAST_BLOCK, trailer])


def _compress(data: bytes) -> bytes:
    compressor = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
