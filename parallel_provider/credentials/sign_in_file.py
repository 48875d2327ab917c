"""The sign-in file: read it, lock it, write it. It is private, and never half written.

There are two locks beside the file. Whoever is about to write the file holds `FILE.lock`. Whoever
needs a fresh token holds `FILE.refresh.lock` while the token is refreshed: the others wait, and
find the new token when they get the lock. One lock wouldn't do, because the process that refreshes
(`refresh_worker`) goes on when the one that holds `FILE.refresh.lock` is killed.

The official client takes no lock. So the file is read again as late as possible before a write.
"""

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

from parallel_provider.credentials.hints import LOGIN_HINT
from parallel_provider.credentials.sign_in_document import Document, UnusableDocumentError
from parallel_provider.errors import CredentialsError, NoSignInFileError, NotConfiguredError

# Several refreshes may come before this one, if each of them fails.
REFRESH_LOCK_SECONDS = 240.0
FILE_LOCK_SECONDS = 120.0
# Much more than any sign-in file has.
MAX_BYTES = 4 * 1024 * 1024
# By how much new tokens, or another program's changes, can make the file longer.
_MARGIN_BYTES = 16 * 1024
_TEMPORARY_SUFFIX = ".parallel-provider.tmp"
_OTHER_USERS = stat.S_IRWXG | stat.S_IRWXO
_log = logging.getLogger("parallel_provider")


class SignInFile:
    """The file at `path`, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        """Raise NotConfiguredError if `path` is in a home directory (`~`) that can't be found."""
        if path.parts[:1] and path.parts[0].startswith("~"):
            raise NotConfiguredError(
                f"the stored sign-in {path} can't be found, because there is no home directory "
                f"{path.parts[0]}: set HOME, name another place in PARALLEL_AUTH_FILE, or set "
                "PARALLEL_ACCESS_TOKEN or PARALLEL_TOKEN_COMMAND"
            )
        self.path = path

    def read(self) -> Document:
        """Return the file's content. Raises CredentialsError; NoSignInFileError if it's missing."""
        try:
            return Document.parse(read_private(self.path))
        except FileNotFoundError:
            raise NoSignInFileError(
                f"there is no stored sign-in ({self.path}): {LOGIN_HINT}"
            ) from None
        except OSError as error:
            raise CredentialsError(
                f"the stored sign-in {self.path} can't be read ({error.strerror or error}): "
                "correct that, or name another place in PARALLEL_AUTH_FILE"
            ) from None
        except UnusableDocumentError as error:
            raise CredentialsError(
                f"the stored sign-in {self.path} is {error}. It is left as it is: "
                f"move it away and {LOGIN_HINT}, or name another place in PARALLEL_AUTH_FILE"
            ) from None

    def read_or_empty(self) -> Document:
        """Return the file's content, or that of a new file if there is none."""
        try:
            return self.read()
        except NoSignInFileError:
            return Document.empty()

    @contextlib.contextmanager
    def prepare_write(
        self, document: Document, *, rehearsed: bool = False
    ) -> Iterator[AtomicWrite]:
        """Take the disk space for `document` and new tokens. Call this under `locked` only.

        With `rehearsed`, a present file is first replaced by a copy of itself: this shows that
        nothing is in the way of replacing it later. Raises CredentialsError.
        """
        try:
            if rehearsed:
                _rehearse(self.path)
            with atomic_write(self.path, len(document.dump()) + _MARGIN_BYTES) as write:
                yield write
        except OSError as error:
            raise CredentialsError(
                f"the sign-in can't be stored in {self.path} ({error.strerror or error}): it is "
                f"replaced as a whole, so its folder must be writable, and what is mounted into a "
                "container must be the folder, not the file alone"
            ) from None

    def write(self, document: Document) -> None:
        """Write the file. Call this under `locked` only. Raises CredentialsError."""
        with self.prepare_write(document) as write:
            write.commit(document.dump())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock for writing the file. Raises CredentialsError."""
        with self._hold(".lock", FILE_LOCK_SECONDS):
            yield

    @contextlib.contextmanager
    def refresh_lock(self) -> Iterator[None]:
        """Hold the lock for having the token refreshed. Raises CredentialsError."""
        with self._hold(".refresh.lock", REFRESH_LOCK_SECONDS):
            yield

    @contextlib.contextmanager
    def _hold(self, suffix: str, seconds: float) -> Iterator[None]:
        from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

        # The real path: two links to one file must share its locks.
        path = Path(os.path.realpath(self.path) + suffix)
        lock = filelock.FileLock(path, timeout=seconds, mode=0o600)
        try:
            _make_folder(path.parent)
            lock.acquire()
            _give_to_owner(path, path.parent)
        except filelock.Timeout:
            raise CredentialsError(
                f"another program has held {path} for {seconds:.0f} seconds: see what is keeping "
                "it, and try again"
            ) from None
        except OSError as error:
            raise CredentialsError(
                f"the lock {path} can't be taken ({error.strerror or error}): "
                "its directory must be writable"
            ) from None
        try:
            yield
        finally:
            lock.release()


def read_private(path: Path) -> bytes:
    """Read a file of secrets. Logs a warning if other users can read it too.

    Raises OSError, also for anything that isn't a regular file.
    """
    # O_NONBLOCK: without it, opening a pipe that nobody writes to would wait for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it isn't a regular file")
        if os.name == "posix" and status.st_mode & _OTHER_USERS:
            _log.warning("Warning: %s is open to other users: run chmod 600 on it", path)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise OSError(f"it is larger than {MAX_BYTES} bytes")
    return content


def _rehearse(path: Path) -> None:
    """Replace a file by a copy of itself. Raises OSError."""
    if path.exists():
        content = read_private(path)
        with atomic_write(path, len(content)) as write:
            write.commit(content, unless_changed_from=content)


class AtomicWrite:
    """A file's next content, for which the disk space is already taken."""

    def __init__(self, file: BinaryIO, temporary: Path, path: Path) -> None:
        self._file = file
        self._temporary = temporary
        self._path = path

    def commit(self, content: bytes, *, unless_changed_from: bytes | None = None) -> None:
        """Make `content` the file's content. It is on the disk when this returns.

        With `unless_changed_from`, do so only if the file has that content: the official client
        takes no lock.
        """
        self._file.seek(0)
        self._file.write(content)
        self._file.truncate()
        _sync(self._file)
        self._file.close()  # Windows can't rename an open file
        if unless_changed_from is not None and read_private(self._path) != unless_changed_from:
            return
        self._temporary.replace(self._path)
        _sync_directory(self._path.parent)


@contextlib.contextmanager
def atomic_write(path: Path, size: int) -> Iterator[AtomicWrite]:
    """Take `size` bytes of disk space beside `path`, so that a full disk is noticed in time.

    Only the holder of the file's lock may call this: it removes the temporary files that killed
    programs have left. A symbolic link is kept, and the file that it points to is written. The
    file keeps its owner, also if root writes it, and can be read by its owner only. Raises OSError.
    """
    if size > MAX_BYTES:
        raise OSError(f"it would be larger than {MAX_BYTES} bytes")
    path = Path(os.path.realpath(path))
    _make_folder(path.parent)
    prefix = f".{path.name}."
    for left_over in path.parent.glob(f"{glob.escape(prefix)}*{_TEMPORARY_SUFFIX}"):
        left_over.unlink(missing_ok=True)
    # mkstemp creates the file with mode 0600 and follows no link.
    descriptor, name = tempfile.mkstemp(_TEMPORARY_SUFFIX, prefix, path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "r+b") as file:
            _give_to_owner(temporary, path if path.exists() else path.parent)
            file.write(bytes(size))
            _sync(file)
            yield AtomicWrite(file, temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    """Make a private folder of the user who owns the first folder above it that exists."""
    for missing in [each for each in (*reversed(folder.parents), folder) if not each.exists()]:
        missing.mkdir(mode=0o700, exist_ok=True)
        _give_to_owner(missing, missing.parent)


def _give_to_owner(path: Path, of: Path) -> None:
    """Give a new file or folder to the owner of another one. Raises OSError if that can't be done.

    Root with a user's HOME would else leave files that the user can't read any more.
    """
    if os.name == "posix" and (owner := of.stat()).st_uid not in (path.stat().st_uid, 0):
        os.chown(path, owner.st_uid, owner.st_gid)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":  # other systems can't open a directory, and don't need this
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        # Some network file systems refuse. The file itself is on the disk.
        pass
    finally:
        os.close(descriptor)
