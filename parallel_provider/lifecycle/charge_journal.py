"""The journal of charges on this machine. An entry is written before its request is sent.

So a charge is known even if the process is killed. Each charge has a private file in the user's
folder; it holds no secret, and is never removed, so that no charge is made again. Hold the lock of
charges while you read the journal and write to it, if what you write depends on what you read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal, get_args

from parallel_provider.errors import ParallelError, UserFolderError
from parallel_provider.user_folder import make_user_folder, user_folder

# The server remembers an idempotency key for at least 24 hours. One of these hours is left for the
# repeated request itself, which may take as long as parallel:timeoutSeconds allows.
REPEAT_PERIOD = timedelta(hours=23)

# The clocks of several servers behind one address differ by seconds.
_CLOCKS_DIFFER_SECONDS = 60.0
_FOLDER = "charges"

Outcome = Literal["begun", "charged"]


@dataclasses.dataclass(frozen=True)
class JournalEntry:
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
    outcome: Outcome

    @property
    def began(self) -> str:
        """Return the time of the first request as a text."""
        return moment(self.begun_here if self.begun_at is None else self.begun_at)

    def may_be_repeated(self, server_time: float | None, clock: float) -> bool:
        """Say whether the server certainly still knows the key, so that it won't charge again.

        The server's time and this machine's clock must both say so.
        """
        if self.begun_at is None or server_time is None:
            return False
        ages = (server_time - self.begun_at, clock - self.begun_here)
        return all(-_CLOCKS_DIFFER_SECONDS <= a < REPEAT_PERIOD.total_seconds() for a in ages)

    @property
    def advice(self) -> str:
        """Return what the user can do while the outcome isn't known."""
        settle = (
            "look at the charges in the Parallel console (the balance alone proves nothing), and "
            f"run `parallel-provider charges settle {self.key}` with --charged or --not-charged"
        )
        if self.begun_at is None:
            return f"Before you run again, {settle}"
        until = moment(self.begun_at + REPEAT_PERIOD.total_seconds())
        return (
            f"Until {until}, running the same program again is safe: it repeats this charge under "
            f"the idempotency key {self.key}, which the server carries out once. After that, or to "
            f"charge anything else, {settle}"
        )


def moment(epoch_seconds: float) -> str:
    """Return a time as a text for people, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def open_charge(entries: Iterable[JournalEntry], key: str | None = None) -> JournalEntry | None:
    """Return an organization's charge whose outcome isn't known: another one than `key` if any."""
    unknown = (entry for entry in entries if entry.outcome == "begun")
    return min(unknown, key=lambda entry: entry.key == key, default=None)


def why_not_made(entry: JournalEntry) -> str:
    """Return why no charge is made while the outcome of this one isn't known."""
    return f"isn't made, as {open_charge_sentence(entry)}. {entry.advice}"


def open_charge_sentence(entry: JournalEntry) -> str:
    """Return what is known of a charge whose outcome isn't known."""
    return (
        f"it isn't known whether an earlier charge of {entry.amount_cents} cents was made (for "
        f"{entry.resource}, under the idempotency key {entry.key}, begun {entry.began})"
    )


def charged_in_month(entries: Iterable[JournalEntry], month: str, identity: str) -> tuple[int, int]:
    """Return the cents that this top-up has charged in a month, and those that all others have."""
    own = others = 0
    for entry in entries:
        if entry.outcome == "charged" and entry.month == month:
            if entry.identity == identity:
                own += entry.amount_cents
            else:
                others += entry.amount_cents
    return own, others


class ChargeJournal:
    """The entries in `folder`; by default, in the user's folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._given_folder = folder

    def find(self, org_id: str, key: str) -> JournalEntry | None:
        """Return the entry of a charge. Raises ParallelError for one that can't be read."""
        folder = self._folder()
        return None if folder is None else _read(folder / _name(org_id, key))

    def entries(self, org_id: str | None = None) -> list[JournalEntry]:
        """Return all entries, or those of one organization, oldest first. Raises ParallelError."""
        folder = self._folder()
        try:
            paths = sorted(folder.iterdir()) if folder is not None else []
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unreadable(error.strerror, f"let this user read {folder}") from None
        found = [_read(path) for path in paths if path.suffix == ".json"]
        wanted = [entry for entry in found if entry and org_id in (None, entry.org_id)]
        return sorted(wanted, key=lambda entry: (entry.begun_here, entry.key))

    def write(self, entry: JournalEntry) -> None:
        """Write an entry, down to the disk. It replaces an older one. Raises UserFolderError."""
        folder = self._given_folder or make_user_folder(_FOLDER)
        try:
            _replace(folder / _name(entry.org_id, entry.key), json.dumps(dataclasses.asdict(entry)))
        except OSError as error:
            raise _unwritable(folder, error) from None

    def forget(self, entry: JournalEntry) -> None:
        """Remove the entry of a charge that wasn't made. Raises UserFolderError."""
        folder = self._folder()
        if folder is None:
            return
        try:
            (folder / _name(entry.org_id, entry.key)).unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from None

    def _folder(self) -> Path | None:
        """Return the folder, which may not exist yet; None if this user can't have one."""
        with contextlib.suppress(UserFolderError):
            return self._given_folder or user_folder() / _FOLDER
        return None


def _name(org_id: str, key: str) -> str:
    digest = hashlib.sha256(f"{org_id}\n{key}".encode(errors="surrogatepass")).hexdigest()
    return f"{digest}.json"


def _read(path: Path) -> JournalEntry | None:
    try:
        return _parsed(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
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


def _unwritable(folder: Path, error: OSError) -> UserFolderError:
    return UserFolderError(
        f"the journal of charges can't be written ({error.strerror}): let this user write {folder}"
    )


def _parsed(data: Any) -> JournalEntry:  # noqa: ANN401 - JSON
    """Return an entry from JSON. Raises ValueError."""
    try:
        entry = JournalEntry(**data)
    except TypeError:
        raise ValueError("fields are missing, or there are others") from None
    texts = (entry.key, entry.org_id, entry.resource, entry.identity, entry.month)
    times = (0.0 if entry.begun_at is None else entry.begun_at, entry.begun_here)
    if not (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(time, int | float) and math.isfinite(time) for time in times)
        and isinstance(entry.amount_cents, int)
        and entry.outcome in get_args(Outcome)
    ):
        raise ValueError("fields have other types")
    return entry


def _replace(path: Path, text: str) -> None:
    """Write a private file in one step, and wait until it is on the disk."""
    from parallel_provider.late import tempfile  # noqa: PLC0415 - few runs charge

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".charge-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
