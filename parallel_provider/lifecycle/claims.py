"""Which resource of a run of Pulumi has which app, key or top-up, across all provider processes.

The engine starts a process for each provider: the dynamic one, each version of the native one, and
each explicit provider. All of them know the address of that engine. They note their claims in one
file, and each of them holds a shared lock on it as long as it lives. So a file that can be locked
alone is that of a run that has ended. Another lock is held around "read the notes of all, then
write", so of two processes that claim one thing, one comes first.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from parallel_provider.errors import HeldElsewhereError, LifecycleError
from parallel_provider.printable import line_for_user

# A process holds the lock for a small read and a write.
_WAIT_SECONDS = 60
_SECONDS_BETWEEN_LOOKS = 0.01
_READ_BYTES = 1 << 16
# What resources that failed claim.
_FAILURES = "failures"


@dataclass(frozen=True)
class Claim:
    """What one resource says of one thing, such as "app:ID", "key:ID" or "top-up:…".

    `owner` identifies the resource. `fingerprint` is that of the raw key that its state has. Of the
    resources that "hold" a thing there is one alone. Several can "use" a thing.
    """

    thing: str
    owner: str
    subject: str
    fingerprint: str = ""
    kind: Literal["holds", "uses"] = "holds"


# A process of a later version may note more.
_CLAIM_FIELDS = tuple(field.name for field in fields(Claim))


class Claims:
    """The claims of one run. Safe to use from several threads. Opens nothing before the first one.

    Without the address of an engine, they are this object's alone.
    """

    def __init__(self, engine_address: str = "") -> None:
        self.engine_address = engine_address
        self.has_program = False
        """Whether a program runs. A comparison before that is a part of a refresh."""
        self._lock = threading.Lock()
        self._claims: defaultdict[str, dict[str, Claim]] = defaultdict(dict)
        # The owners of intentions, by the thing and the subject of the resource to be created.
        self._intended: dict[tuple[str, str], str] = {}
        self._notes: _NotesOfRun | None = None
        self._unusable: str | None = None

    def claim(
        self, thing: str, owner: str, subject: str, fingerprint: str = "", *, is_new: bool = False
    ) -> Claim | None:
        """Let a resource hold a thing, unless another one does, whose claim is returned then.

        If the resource is new, an intention of its subject in this process becomes this claim.
        """
        return self._claim(Claim(thing, owner, subject, fingerprint), is_new=is_new)

    def intend(self, thing: str, subject: str) -> Claim | None:
        """Let a resource that isn't created yet hold a thing, in the same way."""
        intention = Claim(thing, new_owner(), subject)
        other = self._claim(intention)
        if other is None:
            self._intended[thing, subject] = intention.owner
        return other

    def hold(
        self,
        thing: str,
        owner: str,
        subject: str,
        *,
        shown: str,
        fingerprint: str = "",
        is_new: bool = False,
    ) -> None:
        """Let a resource hold a thing. Raises HeldElsewhereError, with the thing as in `shown`."""
        other = self.claim(thing, owner, subject, fingerprint, is_new=is_new)
        if other is not None:
            raise HeldElsewhereError(held_text(shown, other))

    def use(self, thing: str, owner: str, subject: str) -> None:
        """Note that a resource needs a thing, whoever holds it."""
        self._claim(Claim(thing, owner, subject, kind="uses"))

    def others(self, thing: str, owner: str) -> list[Claim]:
        """Return the claims of other resources that hold or use a thing."""
        with self._alone():
            return self._of_others(thing, owner)

    def is_known(self, thing: str) -> bool:
        """Return whether any resource of this run has claimed a thing."""
        return bool(self.others(thing, ""))

    @contextlib.contextmanager
    def deleting(self, thing: str, owner: str, subject: str) -> Iterator[list[Claim]]:
        """Yield the claims because of which a thing must stay. The owner's own claim ends then.

        Meanwhile no other resource can claim the thing. Raises LifecycleError if other processes
        may have claims that can't be read.
        """
        with self._alone():
            if self._unusable is not None:
                raise LifecycleError(
                    f"what other resources of this run have can't be known ({self._unusable}): set "
                    "TMPDIR to a folder that this user can write, then run again"
                )
            others = self._of_others(thing, owner)
            is_claimed = owner in self._claims[thing]
            if not others and not is_claimed:
                self._note(asdict(Claim(thing, owner, subject)))
        try:
            yield others
        except BaseException:
            if not is_claimed:
                self.release(thing, owner)
            raise
        self.release(thing, owner)

    def release(self, thing: str, owner: str) -> None:
        """Note that a resource doesn't have a thing any more."""
        with self._alone():
            if owner in self._claims[thing]:
                self._note({"released": thing, "owner": owner})

    def note_failure(self, subject: str) -> None:
        """Note that a resource of this run failed, other than in its deletion."""
        with contextlib.suppress(LifecycleError):
            self.use(_FAILURES, new_owner(), subject)

    def failed_resource(self) -> str | None:
        """Return a resource of this run that failed, or None."""
        failed = self.others(_FAILURES, "")
        return failed[0].subject if failed else None

    def close(self) -> None:
        """End this process's part of the run: the run has ended, and this process goes on."""
        with self._lock:
            if self._notes is not None:
                self._notes.close()
                self._notes, self._unusable = None, "the run has ended"

    def _claim(self, claim: Claim, *, is_new: bool = False) -> Claim | None:
        with self._alone():
            intended = self._intended.get((claim.thing, claim.subject)) if is_new else None
            for other in self._of_others(claim.thing, claim.owner):
                if "uses" not in {claim.kind, other.kind} and other.owner != intended:
                    return other
            if intended is not None:
                del self._intended[claim.thing, claim.subject]
                self._note({"released": claim.thing, "owner": intended})
            if self._claims[claim.thing].get(claim.owner) != claim:
                self._note(asdict(claim))
            return None

    def _of_others(self, thing: str, owner: str) -> list[Claim]:
        return [claim for claim in self._claims[thing].values() if claim.owner != owner]

    def _note(self, note: dict[str, Any]) -> None:
        if "subject" in note:
            note = {**note, "subject": line_for_user(note["subject"])}
        if self._notes is not None:
            self._notes.write(note)
        self._take(note)

    def _take(self, note: dict[str, Any]) -> None:
        """Take in a note: a claim, or an owner that doesn't have a thing any more."""
        if "released" in note:
            self._claims[note["released"]].pop(note["owner"], None)
        else:
            known = {name: note[name] for name in _CLAIM_FIELDS if name in note}
            self._claims[note["thing"]][note["owner"]] = Claim(**known)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread or process look or note meanwhile, and know what they have noted."""
        with self._lock:
            if self._notes is None and self.engine_address and self._unusable is None:
                try:
                    self._notes = _NotesOfRun(self.engine_address)
                except (OSError, NotImplementedError) as error:  # the latter where nothing locks
                    self._unusable = getattr(error, "strerror", None) or str(error)
            if self._notes is None:
                yield
                return
            try:
                with self._notes.lock:
                    for note in self._notes.read():
                        self._take(note)
                    yield
            except OSError as error:
                raise LifecycleError(
                    f"what the resources of this run have can't be noted in {self._notes.folder} "
                    f"({error.strerror or error}): run again"
                ) from None


class _NotesOfRun:
    """The notes of all processes of a run, one a line. Read and write them only with `lock`.

    Raises OSError if there is no place for them.
    """

    def __init__(self, engine_address: str) -> None:
        from parallel_provider.late import filelock  # noqa: PLC0415 - heavy

        self.folder = _private_folder()
        self.lock = filelock.FileLock(
            self.folder / "lock",
            timeout=_WAIT_SECONDS,
            poll_interval=_SECONDS_BETWEEN_LOOKS,
            mode=0o600,
        )
        run = hashlib.sha256(engine_address.encode(errors="replace")).hexdigest()[:16]
        with self.lock:
            for path in self.folder.glob("*.jsonl"):
                _remove_if_ended(path)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self.folder / f"{run}.jsonl", flags, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_SH)

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield what was noted since the last time, by other processes."""
        written = b""
        while part := os.read(self._file, _READ_BYTES):
            written += part
        for line in filter(None, written.split(b"\n")):
            with contextlib.suppress(ValueError):  # a note that couldn't be written whole
                yield json.loads(line)

    def write(self, note: dict[str, Any]) -> None:
        """Add a note."""
        line = b"\n" + json.dumps(note).encode() + b"\n"
        while line:
            line = line[os.write(self._file, line) :]

    def close(self) -> None:
        """Leave the run."""
        os.close(self._file)


def _remove_if_ended(path: Path) -> None:
    """Remove the notes of a run none of whose processes lives."""
    with path.open("rb") as notes, contextlib.suppress(BlockingIOError):
        fcntl.flock(notes, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def new_owner() -> str:
    """Return the owner of a new resource: its state keeps it."""
    return uuid.uuid4().hex


def held_text(shown: str, other: Claim) -> str:
    """Return the text of an error: another resource has the thing."""
    return (
        f"{shown} belongs to another resource of this run already, {other.subject}: declare it "
        "once, and pass its outputs on. A declaration that is removed leaves what the other one has"
    )


def _private_folder() -> Path:
    """Return a folder that belongs to this user alone. Raises OSError if there is none.

    All processes of a run find the same one. `tempfile` would take another one where a disk is full
    or where TMPDIR isn't an absolute path, since each process has a current folder of its own.
    """
    temporary = Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108 - only its private folder is used
    if not temporary.is_absolute():
        raise OSError("TMPDIR isn't an absolute path")
    folder = temporary / f"parallel-provider-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
    if not is_private or found.st_uid != os.geteuid():
        raise OSError(f"{folder} isn't a folder of this user alone")
    return folder
