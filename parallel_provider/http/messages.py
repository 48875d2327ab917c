"""Parts of HTTP answers: bodies, within bounds, and headers that hold times."""

from __future__ import annotations

import email.utils
import zlib
from collections.abc import Iterable, Iterator
from datetime import timezone

_GZIP = zlib.MAX_WBITS | 16
_DECODED_CHUNK = 256 * 1024
# Any call ends long before that.
LONGEST_RETRY_AFTER_SECONDS = 24 * 60 * 60.0


class BodyError(Exception):
    """An answer's body can't be decompressed."""


class BodyTooLargeError(Exception):
    """An answer's body is larger than the request allows."""


def bounded_body(raw: Iterable[bytes], encoding: str, max_bytes: int) -> Iterator[bytes]:
    """Yield the pieces of a body, decompressed.

    `encoding` is its Content-Encoding: "identity" or "gzip". Raises BodyTooLargeError once it has
    more than `max_bytes`, before or after it is decompressed, and BodyError if it can't be.
    """
    chunks = _bounded(raw, max_bytes)
    if encoding == "gzip":
        chunks = _bounded(_decompressed(chunks), max_bytes)
    elif encoding != "identity":
        raise BodyError("its Content-Encoding wasn't asked for")
    yield from chunks


def _bounded(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise BodyTooLargeError
        yield chunk


def _decompressed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress in small steps: a chunk of 64 KiB can hold 64 MiB of data."""
    decoder = zlib.decompressobj(_GZIP)
    is_empty = True
    try:
        for chunk in chunks:
            is_empty = False
            rest = chunk
            while rest and not decoder.eof:
                yield decoder.decompress(rest, _DECODED_CHUNK)
                rest = decoder.unconsumed_tail
        yield decoder.flush()  # a few hundred bytes at most
    except zlib.error:
        raise BodyError("its body can't be decompressed") from None
    if not decoder.eof and not is_empty:
        raise BodyError("its compressed body ends too early")


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


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait that a Retry-After header asks for; None when it says nothing.

    The header holds whole seconds or an HTTP date (RFC 9110, section 10.2.3); `now` is epoch
    seconds. At most a day.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER_SECONDS)
    date = parse_http_date(value)
    return None if date is None else min(max(0.0, date - now), LONGEST_RETRY_AFTER_SECONDS)
