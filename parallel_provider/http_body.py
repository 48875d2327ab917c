"""Bodies of answers: decompressed, and refused once they are too large."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_GZIP = zlib.MAX_WBITS | 16
_DECODED_CHUNK = 256 * 1024


class BodyError(Exception):
    """An answer's body can't be decompressed."""


class BodyTooLargeError(Exception):
    """An answer's body is larger than the request allows."""


def bounded_body(raw: Iterable[bytes], encoding: str, max_bytes: int) -> Iterator[bytes]:
    """Give a body piece by piece, decompressed.

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
    """Decompress in small steps: a chunk of 64 KiB may stand for 64 MiB."""
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
