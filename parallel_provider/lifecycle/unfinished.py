"""Notice work that an earlier run on this machine began and didn't finish."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from parallel_provider.lifecycle.machine_lock import private_folder


@contextlib.contextmanager
def noting_unfinished(*purpose: str) -> Iterator[bool]:
    """Keep a file while this work is done; yield whether an earlier run left one behind.

    Work that ends with an error is finished, as the error tells about it: the file stays only when
    the process is killed. It is no guarantee: without a place for files, nothing is noticed.
    """
    note = _note(purpose)
    was_left = False
    with contextlib.suppress(OSError):
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        was_left = note.exists()
        note.touch(mode=0o600)
    try:
        yield was_left
    finally:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)


def _note(purpose: tuple[str, ...]) -> Path:
    name = hashlib.sha256("\n".join(purpose).encode(errors="surrogatepass")).hexdigest()
    return private_folder() / f"{name}.unfinished"
