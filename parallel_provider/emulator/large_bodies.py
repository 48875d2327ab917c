"""A body that is small on the wire and huge once it is decoded, for the fault `gzip_bomb`."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

_BLOCK = b" " * (1 << 20)
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_BLOCK = b"\x03\x00"


@lru_cache(maxsize=4)
def gzip_bomb(decoded_bytes: int) -> bytes:
    """Return the gzip form of so many spaces; it is about a thousandth of them.

    After a full flush nothing refers back, so one compressed block can be repeated: neither the
    decoded text nor the time to compress it is needed.
    """
    whole, rest = divmod(decoded_bytes, len(_BLOCK))
    checksum = 0
    for _ in range(whole):
        checksum = zlib.crc32(_BLOCK, checksum)
    checksum = zlib.crc32(_BLOCK[:rest], checksum)
    trailer = struct.pack("<II", checksum, decoded_bytes % (1 << 32))
    blocks = [_compressed(_BLOCK)] * whole + [_compressed(_BLOCK[:rest])]
    return b"".join([_HEADER, *blocks, _LAST_BLOCK, trailer])


def _compressed(data: bytes) -> bytes:
    compressor = zlib.compressobj(level=9, wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
