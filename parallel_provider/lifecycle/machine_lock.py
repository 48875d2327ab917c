"""A lock between the processes of one user on one machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import filelock

# What is done under such a lock is a few requests.
_WAIT_SECONDS = 120.0


@contextlib.contextmanager
def machine_lock(
    *purpose: str, wait_seconds: float = _WAIT_SECONDS, required: bool = False
) -> Iterator[None]:
    """Keep other processes of this user from doing the same meanwhile.

    It is no guarantee: without a place for locks, or when one isn't released in time, the work is
    done all the same; with `required`, the latter raises TimeoutError instead. The lock ends with
    the process, however that ends.
    """
    import filelock  # noqa: PLC0415 - heavy

    with contextlib.ExitStack() as held:
        try:
            held.enter_context(_lock(purpose).acquire(timeout=wait_seconds))
        except filelock.Timeout:
            if required:
                raise TimeoutError from None
        except (OSError, RuntimeError):
            # There is no place for locks.
            pass
        yield


def _lock(purpose: tuple[str, ...]) -> filelock.BaseFileLock:
    import filelock  # noqa: PLC0415 - heavy

    folder = private_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = hashlib.sha256("\n".join(purpose).encode(errors="surrogatepass")).hexdigest()
    return filelock.FileLock(folder / f"{name}.lock", mode=0o600)


def private_folder() -> Path:
    """Return where this user's locks and notes are on this machine; it may not be there yet."""
    # Both belong to the user alone, unlike a folder for temporary files.
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return (Path(runtime) if runtime else Path.home() / ".cache") / "parallel-provider"
