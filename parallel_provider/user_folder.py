"""Locks between this user's processes, and notes, in ~/.local/state/parallel-provider.

It depends on the home folder alone. A login session, cron and sudo set XDG variables differently,
and have to find the same locks. It outlives a logout, as its notes must.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from parallel_provider.errors import UserFolderError

_PARTS = (".local", "state", "parallel-provider")


def user_folder() -> Path:
    """Return the folder, which may not exist yet. Raises UserFolderError without a home folder."""
    try:
        home = Path.home()
    except RuntimeError:
        raise UserFolderError(
            "this user has no home folder for locks and notes: set HOME to a folder that it can "
            "write"
        ) from None
    # Path.home() takes an empty HOME for the root folder.
    if not home.is_absolute() or os.environ.get("HOME") == "":
        raise UserFolderError("HOME isn't an absolute path: set it to this user's home folder")
    return home.joinpath(*_PARTS)


def make_user_folder(*parts: str) -> Path:
    """Return the folder, or the folder `parts` in it, and make what is missing.

    A home folder that is missing isn't made. Raises UserFolderError.
    """
    folder = user_folder()
    wanted = folder.joinpath(*parts)
    try:
        folder.parents[len(_PARTS) - 1].stat()
        make_private_folder(wanted)
    except OSError as error:
        raise UserFolderError(
            f"the folder {error.filename or wanted}, for locks and notes, can't be made "
            f"({error.strerror}): let this user write there, or set HOME to a folder that it can "
            "write"
        ) from None
    return wanted


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing. Raises OSError.

    None of them has more rights than 0700, whatever the umask. If root makes them, they belong to
    the owner of the folder above them.
    """
    for part in (*reversed(folder.parents), folder):
        if part.is_dir():
            continue
        try:
            part.mkdir(mode=0o700)
        except FileExistsError:
            if not part.is_dir():
                raise NotADirectoryError(
                    errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(part)
                ) from None
            continue  # another process has just made it
        part.chmod(0o700)  # the umask may have taken rights from the user too
        give_to_user(part)


def give_to_user(path: Path) -> None:
    """Give a new file or folder to the owner of its folder, if this is root. Raises OSError.

    Root with a user's HOME would else leave files that the user can't read any more. Nobody else
    can do that, and a group may write into a folder that isn't its own.
    """
    if os.name == "posix" and os.geteuid() == 0:
        give_to_owner(path, path.parent)


def give_to_owner(path: Path, of: Path) -> None:
    """Give a new file or folder to the owner of another one. Raises OSError if that can't be done.

    A link that has taken the place of `path` isn't followed: only the user could have put it there.
    """
    if (owner := of.stat()).st_uid not in (path.lstat().st_uid, 0):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def write_private(path: Path, content: bytes) -> None:
    """Write a file of this user alone in one step. It is on the disk then. Raises OSError."""
    from parallel_provider.late import tempfile  # noqa: PLC0415 - few runs write one

    # mkstemp creates the file with mode 0600 and follows no link.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        give_to_user(Path(name))
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        move_into_place(Path(name), path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def move_into_place(file: Path, path: Path) -> None:
    """Replace `path` by a file beside it. It is on the disk then. Raises OSError."""
    file.replace(path)
    with contextlib.suppress(OSError):  # some file systems refuse; the file itself is on the disk
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# A process holds a lock for a few requests.
_WAIT_SECONDS = 120.0


@contextlib.contextmanager
def machine_lock(
    *purpose: str, wait_seconds: float = _WAIT_SECONDS, cancellation: threading.Event | None = None
) -> Iterator[TimeoutError | UserFolderError | None]:
    """Hold a lock, so that no other process or thread of this user does the same work meanwhile.

    Yields None, or why it isn't held: TimeoutError if another one holds it for too long, or if the
    run is cancelled meanwhile; UserFolderError if nothing can be locked here. The lock ends with
    the process, even if that is killed.
    """
    with contextlib.ExitStack() as held:
        failure = None
        try:
            held.enter_context(_acquired(purpose, wait_seconds, cancellation or threading.Event()))
        except (TimeoutError, UserFolderError) as error:
            failure = error
        yield failure


def _acquired(
    purpose: tuple[str, ...], wait_seconds: float, cancellation: threading.Event
) -> AbstractContextManager[object]:
    from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

    path = _path(purpose, "lock")
    lock = filelock.FileLock(path, mode=0o600)
    try:
        held = lock.acquire(wait_seconds, cancel_check=cancellation.is_set)
        give_to_user(path)
        return held
    except filelock.Timeout:
        raise TimeoutError from None
    except (OSError, NotImplementedError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "no locks there"
        raise UserFolderError(
            f"{path} can't be locked ({reason}): let this user write it, or set HOME to a "
            "folder whose files can be locked"
        ) from None


@contextlib.contextmanager
def noting_work(*purpose: str, work: str) -> Iterator[bool]:
    """Note this work; yield whether the same work was noted last for this purpose.

    The result of the work isn't saved by this process. So the note stays, and `work` has to say
    from which state it begins: only if the result was lost, it is done again. Work that ends with
    an error removes its note, since the error tells the user about it; the note of an earlier run
    stays, since that error says nothing of it. Without a place for files, nothing is noticed.
    """
    note = None
    was_noted = False
    with contextlib.suppress(OSError, UserFolderError):
        note, mark = _path(purpose, "work"), _hash(work).encode()
        was_noted = note.exists() and note.read_bytes() == mark
        write_private(note, mark)
    try:
        yield was_noted
    except BaseException:
        if note is not None and not was_noted:
            with contextlib.suppress(OSError):
                note.unlink(missing_ok=True)
        raise


def _path(purpose: tuple[str, ...], ending: str) -> Path:
    return make_user_folder() / f"{_hash(*purpose)}.{ending}"


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode(errors="surrogatepass")).hexdigest()
