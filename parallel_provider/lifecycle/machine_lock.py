"""A lock between the processes of one user on one machine, and notes of unfinished work."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from parallel_provider.cancellation import Cancellation
from parallel_provider.errors import UserFolderError
from parallel_provider.user_folder import make_user_folder

# A process holds the lock for a few requests.
_WAIT_SECONDS = 120.0
# How soon a wait ends after the run was cancelled.
_SECONDS_BETWEEN_LOOKS = 0.5


@contextlib.contextmanager
def machine_lock(
    *purpose: str,
    wait_seconds: float = _WAIT_SECONDS,
    required: bool = False,
    cancellation: Cancellation | None = None,
) -> Iterator[None]:
    """Hold a lock, so that no other process or thread of this user does the same work meanwhile.

    A cancelled run waits no longer. The lock ends with the process, even if that is killed. If it
    is `required`, raises TimeoutError when another one holds it for too long, and UserFolderError
    when nothing can be locked here. Otherwise the work is then done without the lock.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_acquired(purpose, wait_seconds, cancellation or Cancellation()))
        except (TimeoutError, UserFolderError):
            if required:
                raise
        yield


def _acquired(
    purpose: tuple[str, ...], wait_seconds: float, cancellation: Cancellation
) -> AbstractContextManager[object]:
    from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

    path = _path(purpose, "lock")
    lock = filelock.FileLock(path, mode=0o600)
    ends_at = time.monotonic() + wait_seconds
    while True:
        left = ends_at - time.monotonic()
        try:
            return lock.acquire(timeout=max(0.0, min(left, _SECONDS_BETWEEN_LOOKS)))
        except filelock.Timeout:
            if left <= _SECONDS_BETWEEN_LOOKS or cancellation.is_cancelled:
                raise TimeoutError from None
        except (OSError, NotImplementedError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or "no locks there"
            raise UserFolderError(
                f"{path} can't be locked ({reason}): let this user write it, or set HOME to a "
                "folder whose files can be locked"
            ) from None


@contextlib.contextmanager
def noting_unfinished(*purpose: str) -> Iterator[bool]:
    """Keep a file while this work is done; yield whether an earlier run has left its file.

    Work that ends with an error removes the file too, since the error tells the user about it. So
    the file stays only if the process is killed. Without a place for files, it notices nothing.
    """
    note = None
    was_left = False
    with contextlib.suppress(OSError, UserFolderError):
        note = _path(purpose, "unfinished")
        was_left = note.exists()
        note.touch(mode=0o600)
    try:
        yield was_left
    finally:
        if note is not None:
            with contextlib.suppress(OSError):
                note.unlink(missing_ok=True)


def _path(purpose: tuple[str, ...], ending: str) -> Path:
    name = hashlib.sha256("\n".join(purpose).encode(errors="surrogatepass")).hexdigest()
    return make_user_folder() / f"{name}.{ending}"
