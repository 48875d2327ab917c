"""Read and replace a file of secrets: private from its first byte, whole at every moment."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_log = logging.getLogger("parallel_provider")

# Far more than any sign-in; what is larger is something else.
MAX_SIZE = 4 * 1024 * 1024
_TEMPORARY_SUFFIX = ".parallel-provider.tmp"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path) -> bytes:
    """Read the file; a warning is logged when other users can read it too.

    Raises OSError, FileNotFoundError included; what isn't a regular file is one.
    """
    # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it isn't a regular file")
        if os.name == "posix" and status.st_mode & _OTHERS:
            _log.warning("Warning: %s is open to other users: run chmod 600 on it", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_SIZE + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_SIZE:
        raise OSError(f"it is larger than {MAX_SIZE} bytes")
    return content


class Replacement:
    """Room on the disk for a file's next content, to be filled at any later time."""

    def __init__(self, file: BinaryIO, temporary: Path, path: Path) -> None:
        self._file = file
        self._temporary = temporary
        self._path = path

    def commit(self, content: bytes) -> None:
        """Put `content` in the file's place; when this returns, it is on the disk."""
        self._file.seek(0)
        self._file.write(content)
        self._file.truncate()
        _sync(self._file)
        self._file.close()  # Windows moves no open file
        self._temporary.replace(self._path)
        _sync_directory(self._path.parent)


@contextlib.contextmanager
def replacing(path: Path, room: int) -> Iterator[Replacement]:
    """Make room for `room` bytes beside `path`, so that a full disk shows before it matters.

    Only for the holder of the file's lock: what another one has left behind is removed. A
    symbolic link is kept, and the file that it leads to is replaced. Raises OSError.
    """
    if room > MAX_SIZE:
        raise OSError(f"it would be larger than {MAX_SIZE} bytes")
    path = Path(os.path.realpath(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    prefix = f".{path.name}."
    for left_over in path.parent.glob(f"{glob.escape(prefix)}*{_TEMPORARY_SUFFIX}"):
        left_over.unlink(missing_ok=True)
    # mkstemp makes the file with mode 0600 and follows no link.
    descriptor, name = tempfile.mkstemp(_TEMPORARY_SUFFIX, prefix, path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "r+b") as file:
            file.write(bytes(room))
            _sync(file)
            yield Replacement(file, temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":  # a directory can't be opened there, and needn't be
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some network file systems refuse; the file itself is on the disk.
        pass
    finally:
        os.close(descriptor)
