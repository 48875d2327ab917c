"""The sign-in file: read it, lock it, replace it.

Two locks stand beside the file, for two questions. `FILE.lock` is held by whoever is about to
replace the file, for as long as its new content is in the making. `FILE.refresh.lock` is the queue
of those who need a fresh token: all but the first find one when their turn comes. It is apart from
the other because a refresh goes on in a process of its own (see `refresh_process`) when the one
that stands in the queue is killed.

The official client takes no lock: what it writes between a read and a replace of ours is seen by
reading again as late as possible.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from parallel_provider.credentials.document import Document, UnusableDocumentError
from parallel_provider.credentials.errors import LOGIN_HINT, NotConfiguredError
from parallel_provider.credentials.private_file import Replacement, read_private, replacing
from parallel_provider.errors import CredentialsError, NoSignInFileError

# A turn takes as long as a refresh does; several may stand before this one when it fails for all.
QUEUE_SECONDS = 240.0
FILE_LOCK_SECONDS = 120.0
# How much a new pair of tokens, or what another program writes meanwhile, may add to the file.
_MARGIN_BYTES = 16 * 1024


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
        """Return the file's content. Raises CredentialsError, NoSignInFileError included."""
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
        """Return the file's content, or an empty one where there is no file."""
        try:
            return self.read()
        except NoSignInFileError:
            return Document.empty()

    @contextlib.contextmanager
    def replacing(self, document: Document) -> Iterator[Replacement]:
        """Make room for `document` and new tokens in it; only while `locked`.

        Raises CredentialsError.
        """
        try:
            with replacing(self.path, len(document.dump()) + _MARGIN_BYTES) as replacement:
                yield replacement
        except OSError as error:
            raise CredentialsError(
                f"the sign-in can't be stored in {self.path} ({error.strerror or error})"
            ) from None

    def replace(self, document: Document) -> None:
        """Write `document` in the file's place; only while `locked`. Raises CredentialsError."""
        with self.replacing(document) as replacement:
            replacement.commit(document.dump())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one that replaces the file."""
        with self._hold(".lock", FILE_LOCK_SECONDS):
            yield

    @contextlib.contextmanager
    def queue(self) -> Iterator[None]:
        """Wait for a turn to have the token refreshed."""
        with self._hold(".refresh.lock", QUEUE_SECONDS):
            yield

    @contextlib.contextmanager
    def _hold(self, suffix: str, seconds: float) -> Iterator[None]:
        import filelock  # noqa: PLC0415 - heavy

        # By the real path: two links to one file share its locks.
        path = Path(os.path.realpath(self.path) + suffix)
        lock = filelock.FileLock(path, timeout=seconds, mode=0o600)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
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
