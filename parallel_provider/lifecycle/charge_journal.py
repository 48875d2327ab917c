"""The journal of charges on this machine. An entry is written before its request is sent.

So a charge is known even if the process is killed. Each charge has a private file in the user's
folder for state; it holds no secret. If there is no such folder (a container without HOME, a
read-only disk), charges are made without a journal, and a warning says so: a file that such a
machine writes would be gone by the next run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal, get_args

from parallel_provider.errors import JournalError

# The server remembers an idempotency key for at least 24 hours. One of these hours is left for the
# repeated request itself, which may take as long as parallel:timeoutSeconds allows.
REPEAT_PERIOD = timedelta(hours=23)

# The clocks of several servers behind one address differ by seconds.
_CLOCKS_DIFFER_SECONDS = 60.0
_MAX_ENTRIES = 1000

Outcome = Literal["begun", "charged", "settled", "destroyed"]


@dataclasses.dataclass(frozen=True)
class JournalEntry:
    """One charge of one organization.

    `begun_at` is the server's time in epoch seconds, or None if it wasn't known. `outcome` is
    "begun" until an answer comes, and then "charged". It is "settled" if the user said that the
    charge was made, and "destroyed" if the resource that recorded the charge was destroyed later.
    """

    key: str
    org_id: str
    amount_cents: int
    resource: str
    begun_at: float | None
    outcome: Outcome

    @property
    def began(self) -> str:
        """Return the time of the first request as a text."""
        return "at an unknown time" if self.begun_at is None else moment(self.begun_at)

    def may_be_repeated(self, server_time: float | None) -> bool:
        """Say whether the server certainly still knows the key, so that it won't charge again."""
        if self.begun_at is None or server_time is None:
            return False
        age = server_time - self.begun_at
        return -_CLOCKS_DIFFER_SECONDS <= age < REPEAT_PERIOD.total_seconds()


def moment(epoch_seconds: float) -> str:
    """Return a time as a text for people, in UTC."""
    return datetime.fromtimestamp(epoch_seconds, tz=timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def why_not_repeated(entry: JournalEntry | None, server_time: float | None) -> str | None:
    """Return why a charge in the journal must not be sent again, or None if it may."""
    if entry is None or entry.outcome in ("settled", "destroyed"):
        return None
    if entry.may_be_repeated(server_time):
        return None
    known = (
        "was made before, and this stack's state doesn't have it"
        if entry.outcome == "charged"
        else "was begun before, and its outcome isn't known"
    )
    return (
        f"isn't charged again: a charge of {entry.amount_cents} cents under the idempotency key "
        f"{entry.key} {known} (begun {entry.began}). The server may have forgotten that key by "
        "now, so that it could charge a second time. Look at the charges in the Parallel console, "
        f"then run `parallel-provider charges settle {entry.key}` with --charged (the next run "
        "counts it and charges nothing) or with --not-charged (the next run charges)"
    )


def earlier_charge_sentence(earlier: JournalEntry | None) -> str | None:
    """Return a sentence about a charge of an earlier run whose outcome isn't known, or None."""
    if earlier is None or earlier.outcome != "begun":
        return None
    return (
        f"An earlier run has begun a charge of {earlier.amount_cents} cents under the idempotency "
        f"key {earlier.key} ({earlier.began}), and whether it was made isn't known: look at the "
        "charges in the Parallel console"
    )


class ChargeJournal:
    """The entries in `folder`; by default, in the user's folder for state."""

    def __init__(self, folder: Path | None = None) -> None:
        self._given_folder = folder

    def find(self, org_id: str, key: str) -> JournalEntry | None:
        """Return the entry of a charge. Raises JournalError for one that can't be read."""
        try:
            path = self._path(org_id, key)
        except RuntimeError:
            return None
        return self._read(path)

    def write(self, entry: JournalEntry) -> None:
        """Write an entry, down to the disk. It replaces an older one. Raises JournalError."""
        with self._writing():
            path = self._path(entry.org_id, entry.key)
            is_new = not path.exists()
            _replace(path, json.dumps(dataclasses.asdict(entry)))
            if is_new:
                self._remove_oldest()

    def forget(self, entry: JournalEntry) -> None:
        """Remove an entry. Raises JournalError."""
        with self._writing():
            self._path(entry.org_id, entry.key).unlink(missing_ok=True)

    def entries(self) -> list[JournalEntry]:
        """Return all entries, oldest first. Raises JournalError."""
        try:
            paths = sorted(self._folder().glob("*.json"))
        except RuntimeError:
            return []
        found = [entry for path in paths if (entry := self._read(path)) is not None]
        return sorted(found, key=lambda entry: (entry.begun_at or 0.0, entry.key))

    def release(self, org_id: str, resource: str) -> None:
        """Note that a resource was destroyed, so that its charges may be made again.

        Raises JournalError.
        """
        for entry in self.entries():
            recorded = entry.outcome in ("charged", "settled")
            if recorded and (entry.org_id, entry.resource) == (org_id, resource):
                self.write(dataclasses.replace(entry, outcome="destroyed"))

    def _folder(self) -> Path:
        if self._given_folder is not None:
            return self._given_folder
        state = os.environ.get("XDG_STATE_HOME")
        return (
            Path(state) if state else Path.home() / ".local/state"
        ) / "parallel-provider/charges"

    def _path(self, org_id: str, key: str) -> Path:
        name = hashlib.sha256(f"{org_id}\n{key}".encode(errors="surrogatepass")).hexdigest()
        return self._folder() / f"{name}.json"

    def _read(self, path: Path) -> JournalEntry | None:
        try:
            return _parsed(json.loads(path.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is damaged"
            raise JournalError(
                f"what this machine knows of an earlier charge can't be read ({reason}): look at "
                f"the charges in the Parallel console, then remove {path}"
            ) from None

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:
            reason = (isinstance(error, OSError) and error.strerror) or "there is no home directory"
            raise JournalError(
                f"the journal of charges can't be written ({reason}): make "
                "$XDG_STATE_HOME (or ~/.local/state) a folder that this user can write"
            ) from None

    def _remove_oldest(self) -> None:
        """Keep the journal small. A charge whose outcome isn't known is never removed."""
        paths = list(self._folder().glob("*.json"))
        if len(paths) <= _MAX_ENTRIES:
            return
        with contextlib.suppress(JournalError):
            finished = [entry for entry in self.entries() if entry.outcome != "begun"]
            for entry in finished[: len(paths) - _MAX_ENTRIES]:
                self.forget(entry)


def _parsed(data: Any) -> JournalEntry:  # noqa: ANN401 - JSON
    """Return an entry from JSON. Raises ValueError."""
    try:
        entry = JournalEntry(
            key=data["key"],
            org_id=data["org_id"],
            amount_cents=data["amount_cents"],
            resource=data["resource"],
            begun_at=data["begun_at"],
            outcome=data["outcome"],
        )
    except (KeyError, TypeError):
        raise ValueError("fields are missing") from None
    texts_fit = all(isinstance(text, str) for text in (entry.key, entry.org_id, entry.resource))
    time_fits = entry.begun_at is None or (
        isinstance(entry.begun_at, int | float) and math.isfinite(entry.begun_at)
    )
    amount_fits = isinstance(entry.amount_cents, int)
    if not (texts_fit and time_fits and amount_fits and entry.outcome in get_args(Outcome)):
        raise ValueError("fields have other types")
    return entry


def _replace(path: Path, text: str) -> None:
    """Write a private file in one step, and wait until it is on the disk."""
    from parallel_provider.late import tempfile  # noqa: PLC0415 - few runs charge

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
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
