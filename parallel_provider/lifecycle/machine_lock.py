"""A lock between the processes of one user on one machine, and notes of unfinished work."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from parallel_provider.cancellation import Cancellation

if TYPE_CHECKING:
    import filelock

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
    """Hold a lock, so that other processes of this user don't do the same work meanwhile.

    If files can't be written here, or another process holds the lock for too long, the work is done
    without the lock. With `required`, the second case raises TimeoutError. A cancelled run waits no
    longer. The lock ends with the process, even if that is killed.
    """
    from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(
                _acquire(_lock(purpose), wait_seconds, cancellation or Cancellation())
            )
        except filelock.Timeout:
            if required:
                raise TimeoutError from None
        except (OSError, RuntimeError):
            # Files can't be written here.
            pass
        yield


def _acquire(
    lock: filelock.BaseFileLock, wait_seconds: float, cancellation: Cancellation
) -> AbstractContextManager[object]:
    from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

    ends_at = time.monotonic() + wait_seconds
    while True:
        left = ends_at - time.monotonic()
        try:
            return lock.acquire(timeout=max(0.0, min(left, _SECONDS_BETWEEN_LOOKS)))
        except filelock.Timeout:
            if left <= _SECONDS_BETWEEN_LOOKS or cancellation.is_cancelled:
                raise


def _lock(purpose: tuple[str, ...]) -> filelock.BaseFileLock:
    from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

    folder = private_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256("\n".join(purpose).encode(errors="surrogatepass")).hexdigest()
    return filelock.FileLock(folder / f"{name}.lock", mode=0o600)


def private_folder() -> Path:
    """Return the folder of this user's locks and notes on this machine. It may not exist yet."""
    # Both places belong to this user alone. A folder for temporary files doesn't.
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) if runtime else Path.home() / ".cache") / "parallel-provider"


@contextlib.contextmanager
def noting_unfinished(*purpose: str) -> Iterator[bool]:
    """Keep a file while this work is done; yield whether an earlier run has left its file.

    Work that ends with an error removes the file too, since the error tells the user about it. So
    the file stays only if the process is killed. Without a place for files, it notices nothing.
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
