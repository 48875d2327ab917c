"""The journal of charges on this machine. An entry is written before its request is sent.

So a charge is known even if the process is killed. Each charge has a private file in the user's
folder; it holds no secret, and is never removed, so that no charge is made again. Hold the lock of
charges while you read the journal and write to it, if what you write depends on what you read.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

from parallel_provider.errors import ParallelError, UserFolderError
from parallel_provider.model import Model
from parallel_provider.user_folder import (
    machine_lock,
    make_user_folder,
    user_folder,
    write_private,
)

# The server remembers an idempotency key for at least 24 hours. One of these hours is left for the
# repeated request itself, which may take as long as parallel:timeoutSeconds allows.
REPEAT_PERIOD = timedelta(hours=23)

# The clocks of several servers behind one address differ by seconds.
_CLOCKS_DIFFER_SECONDS = 60.0
_FOLDER = "charges"


class JournalEntry(Model):
    """One charge of one organization.

    `resource` names its top-up for people, and `identity` is a hash of all parts of that name.
    `month` is the UTC month that the charge counts for. `begun_at` is the server's time in epoch
    seconds, or None if it wasn't known; `begun_here` is this machine's. `outcome` is "begun" until
    it is known that the card was charged. An entry of a charge that wasn't made is removed.
    """

    key: str
    org_id: str
    amount_cents: int
    resource: str
    identity: str
    month: str
    begun_at: float | None
    begun_here: float
    outcome: Literal["begun", "charged"]

    @property
    def time(self) -> float:
        """The time of the first request, by the server if that is known."""
        return self.begun_here if self.begun_at is None else self.begun_at

    @property
    def time_text(self) -> str:
        """The time of the first request, for people."""
        return _time_text(self.time)

    def may_be_repeated(self, server_time: float | None, clock: float) -> bool:
        """Say whether the server certainly still knows the key, so that it won't charge again.

        The server's time and this machine's clock must both say so.
        """
        if self.begun_at is None or server_time is None:
            return False
        ages = (server_time - self.begun_at, clock - self.begun_here)
        return all(-_CLOCKS_DIFFER_SECONDS <= a < REPEAT_PERIOD.total_seconds() for a in ages)

    @property
    def unknown_outcome(self) -> str:
        """A sentence for an earlier charge whose outcome isn't known, and what the user can do."""
        return (
            f"it isn't known whether an earlier charge of {self.amount_cents} cents was made (for "
            f"{self.resource}, under the idempotency key {self.key}, begun {self.time_text}). "
            f"{self.advice}"
        )

    @property
    def advice(self) -> str:
        """What the user can do while the outcome isn't known."""
        settle = (
            "look at the charges in the Parallel console (the balance alone proves nothing), and "
            f"run `parallel-provider charges settle {self.key}` with --charged or --not-charged"
        )
        if self.begun_at is None:
            return f"Before you run again, {settle}"
        until = _time_text(self.begun_at + REPEAT_PERIOD.total_seconds())
        return (
            f"Until {until}, running the same program again is safe: it repeats this charge under "
            f"the idempotency key {self.key}, which the server carries out once. After that, or to "
            f"charge anything else, {settle}"
        )


def _time_text(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def open_charge(entries: Iterable[JournalEntry], key: str | None = None) -> JournalEntry | None:
    """Return an organization's charge whose outcome isn't known: another one than `key` if any."""
    unknown = (entry for entry in entries if entry.outcome == "begun")
    return min(unknown, key=lambda entry: entry.key == key, default=None)


def charge_lock(
    org_id: str, wait_seconds: float, cancellation: threading.Event | None = None
) -> AbstractContextManager[TimeoutError | UserFolderError | None]:
    """Hold the lock of an organization's charges; yields what `machine_lock` yields."""
    return machine_lock("charge", org_id, wait_seconds=wait_seconds, cancellation=cancellation)


class ChargeJournal:
    """The entries in `folder`; by default, in the user's folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._given_folder = folder

    def entries(self, org_id: str | None = None) -> list[JournalEntry]:
        """Return all entries, or those of one organization, oldest first.

        There are none if the user has no place for them. Raises ParallelError if one can't be read.
        """
        try:
            folder = self._given_folder or user_folder() / _FOLDER
            paths = [path for path in folder.iterdir() if path.suffix == ".json"]
        except (FileNotFoundError, NotADirectoryError, UserFolderError):
            return []
        except OSError as error:
            raise _unreadable(error.strerror, f"let this user read {folder}") from None
        found = [entry for entry in map(_read, paths) if entry and org_id in (None, entry.org_id)]
        return sorted(found, key=lambda entry: (entry.begun_here, entry.key))

    def write(self, entry: JournalEntry) -> None:
        """Write an entry, down to the disk. It replaces an older one. Raises UserFolderError."""
        path = self._path(entry)
        try:
            write_private(path, entry.model_dump_json().encode())
        except OSError as error:
            raise _unwritable(path, error) from None

    def forget(self, entry: JournalEntry) -> None:
        """Remove the entry of a charge that wasn't made. Raises UserFolderError."""
        path = self._path(entry)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from None

    def _path(self, entry: JournalEntry) -> Path:
        name = f"{entry.org_id}\n{entry.key}".encode(errors="surrogatepass")
        folder = self._given_folder or make_user_folder(_FOLDER)
        return folder / f"{hashlib.sha256(name).hexdigest()}.json"


def _read(path: Path) -> JournalEntry | None:
    """Return the entry in a file; None if it was removed meanwhile."""
    try:
        return JournalEntry.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(error.strerror, f"let this user read {path}") from None
    except ValueError:
        raise _unreadable("it is damaged", f"remove {path}") from None


def _unreadable(reason: str | None, then: str) -> ParallelError:
    return ParallelError(
        f"what this machine knows of an earlier charge can't be read ({reason}): look at the "
        f"charges in the Parallel console, then {then}"
    )


def _unwritable(path: Path, error: OSError) -> UserFolderError:
    return UserFolderError(
        f"the journal of charges can't be written ({error.strerror}): let this user write "
        f"{path.parent}"
    )
