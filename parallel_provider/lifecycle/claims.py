"""Which resource of a run of Pulumi has which app, key or top-up, across all provider processes.

The engine starts a process for each provider: the dynamic one, each version of the native one, and
each explicit provider. All of them know the address of that engine. Each process notes its claims
in a file of its own, and reads those of the others. It holds a lock on its file as long as it
lives: what a process that has ended has noted doesn't count. A lock of the folder is held around
"read the others, then write", so of two processes that claim one thing, one comes first.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from parallel_provider.errors import HeldElsewhereError, LifecycleError
from parallel_provider.printable import line_for_user

# A process holds the lock of the folder for a few small reads and one write.
_WAIT_SECONDS = 60.0
_SECONDS_BETWEEN_LOOKS = 0.01
_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Claim:
    """What one resource says of one thing, such as "app:ID", "key:ID" or "top-up:…".

    `owner` identifies the resource. `fingerprint` is that of the raw key that its state has. Of the
    resources that "hold" a thing there is one alone. One that "intends" will hold it when it is
    created. Several can "use" a thing. One that "deletes" it is about to end it.
    """

    thing: str
    owner: str
    subject: str
    fingerprint: str = ""
    kind: Literal["holds", "intends", "uses", "deletes"] = "holds"


@dataclass
class _Notes:
    """The notes of one process. `descriptor` is that of its file."""

    descriptor: int = -1
    path: Path = Path()
    unread: bytes = b""
    claims: defaultdict[str, dict[str, Claim]] = field(default_factory=lambda: defaultdict(dict))
    failed: str | None = None

    def take(self, note: dict[str, Any]) -> None:
        """Take in a note: a claim, an owner that doesn't have a thing any more, or a failure."""
        if "released" in note:
            self.claims[note["released"]].pop(note["owner"], None)
        elif "failed" in note:
            self.failed = self.failed or note["failed"]
        else:
            claim = Claim(**note)
            self.claims[claim.thing][claim.owner] = claim

    def read(self) -> None:
        """Take in what was written since the last time."""
        while part := os.read(self.descriptor, _READ_BYTES):
            *lines, self.unread = (self.unread + part).split(b"\n")
            for line in filter(None, lines):
                with contextlib.suppress(ValueError):  # a note that couldn't be written whole
                    self.take(json.loads(line))

    def has_ended(self) -> bool:
        """Return whether the process has ended: then its lock can be taken."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class Claims:
    """The claims of one run. Safe to use from several threads. Opens nothing before the first one.

    Without the address of an engine, they are this object's alone.
    """

    def __init__(self, engine_address: str = "") -> None:
        self.engine_address = engine_address
        self.has_program = False
        """Whether a program runs. A comparison before that is a part of a refresh."""
        self._run = hashlib.sha256(engine_address.encode(errors="replace")).hexdigest()[:16]
        self._lock = threading.Lock()
        self._own = _Notes()
        self._others: dict[str, _Notes] = {}
        self._folder: Path | None = None
        self._folder_lock = -1
        self._unusable: str | None = None

    def claim(
        self, thing: str, owner: str, subject: str, fingerprint: str = "", *, is_new: bool = False
    ) -> Claim | None:
        """Let a resource hold a thing, unless another one does, whose claim is returned then.

        If the resource is new, an intention of its subject in this process becomes this claim.
        """
        return self._claim(Claim(thing, owner, subject, fingerprint), is_new=is_new)

    def intend(self, thing: str, subject: str) -> Claim | None:
        """Note that a new resource will hold a thing; return the claim of another one, if any."""
        return self._claim(Claim(thing, f"intended-{uuid.uuid4().hex}", subject, kind="intends"))

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
        """Return the claims of other resources that hold, will hold or use a thing."""
        with self._alone():
            return [claim for claim in self._of_others(thing, owner) if claim.kind != "deletes"]

    def is_known(self, thing: str) -> bool:
        """Return whether any resource of this run has claimed a thing."""
        return bool(self.others(thing, ""))

    @contextlib.contextmanager
    def deleting(self, thing: str, owner: str, subject: str) -> Iterator[list[Claim]]:
        """Yield the claims because of which a thing must stay. If there are none, end it then.

        Meanwhile no other resource can claim it. Raises LifecycleError if other processes may have
        claims that can't be read.
        """
        with self._alone():
            if self._unusable is not None:
                raise LifecycleError(
                    f"what other resources of this run have can't be known ({self._unusable}): set "
                    "TMPDIR to a folder that this user can write, then run again"
                )
            others = [claim for claim in self._of_others(thing, owner) if claim.kind != "deletes"]
            before = self._own.claims[thing].get(owner)
            if not others:
                self._note(asdict(Claim(thing, owner, subject, kind="deletes")))
        try:
            yield others
        except BaseException:
            if others or before is None:
                self.release(thing, owner)
            else:
                self._claim(before)
            raise
        if not others:
            self.release(thing, owner)

    def release(self, thing: str, owner: str) -> None:
        """Note that a resource doesn't have a thing any more."""
        with self._alone():
            if owner in self._own.claims[thing]:
                self._note({"released": thing, "owner": owner})

    @contextlib.contextmanager
    def creating(self, subject: str) -> Iterator[None]:
        """Note it if a resource of this run can't be created."""
        try:
            yield
        except Exception:
            self.note_failed_creation(subject)
            raise

    def note_failed_creation(self, subject: str) -> None:
        """Note that a resource of this run couldn't be created: what it replaces must stay."""
        with contextlib.suppress(LifecycleError), self._alone():
            self._note({"failed": subject})

    def failed_creation(self) -> str | None:
        """Return a resource of this run that couldn't be created, or None."""
        with self._alone():
            notes = [self._own, *self._living()]
        return next((note.failed for note in notes if note.failed is not None), None)

    def close(self) -> None:
        """Take all claims back: the run has ended, and this process goes on."""
        with self._lock:
            if self._folder is None:
                return
            self._folder, self._unusable = None, "the run has ended"
            self._own.path.unlink(missing_ok=True)
            for notes in (self._own, *self._others.values()):
                os.close(notes.descriptor)
            os.close(self._folder_lock)

    def _claim(self, claim: Claim, *, is_new: bool = False) -> Claim | None:
        with self._alone():
            if self._own.claims[claim.thing].get(claim.owner) == claim:
                return None
            intended = next(
                (
                    one.owner
                    for one in self._own.claims[claim.thing].values()
                    if is_new and (one.kind, one.subject) == ("intends", claim.subject)
                ),
                None,
            )
            for other in self._of_others(claim.thing, claim.owner):
                if "uses" not in {claim.kind, other.kind} and other.owner != intended:
                    return other
            if intended is not None:
                self._note({"released": claim.thing, "owner": intended})
            self._note(asdict(claim))
            return None

    def _of_others(self, thing: str, owner: str) -> list[Claim]:
        notes = [self._own]
        if any(thing in other.claims for other in self._others.values()):
            notes += self._living()
        claims = [claim for note in notes for claim in note.claims.get(thing, {}).values()]
        return [claim for claim in claims if claim.owner != owner]

    def _living(self) -> list[_Notes]:
        """Return the notes of the other processes that live; remove those of the others."""
        for name, notes in list(self._others.items()):
            if notes.has_ended():
                notes.path.unlink(missing_ok=True)
                os.close(self._others.pop(name).descriptor)
        return list(self._others.values())

    def _note(self, note: dict[str, Any]) -> None:
        if "subject" in note:
            note = {**note, "subject": line_for_user(note["subject"])}
        if self._folder is not None:
            _write(self._own.descriptor, b"\n" + json.dumps(note).encode() + b"\n")
        self._own.take(note)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other thread or process look or note meanwhile, and know what they have noted."""
        with self._lock:
            if self._folder is None and self.engine_address and self._unusable is None:
                try:
                    self._open()
                except OSError as error:
                    self._unusable = error.strerror or str(error)
            if self._folder is None:
                yield
                return
            try:
                _wait_for(self._folder_lock)
                self._read_others(self._folder)
                yield
            except OSError as error:
                raise LifecycleError(
                    f"what the resources of this run have can't be noted in {self._folder} "
                    f"({error.strerror or error}): run again"
                ) from None
            finally:
                fcntl.flock(self._folder_lock, fcntl.LOCK_UN)

    def _open(self) -> None:
        folder = _private_folder()
        self._folder_lock = _open_file(folder / "lock")
        _wait_for(self._folder_lock)
        try:
            for path in folder.glob("*.jsonl"):
                left = _Notes(_open_file(path), path)
                if left.has_ended():
                    path.unlink()
                os.close(left.descriptor)
            path = folder / f"{self._run}-{os.getpid()}-{uuid.uuid4().hex}.jsonl"
            self._own = _Notes(_open_file(path), path)
            fcntl.flock(self._own.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            fcntl.flock(self._folder_lock, fcntl.LOCK_UN)
        self._folder = folder

    def _read_others(self, folder: Path) -> None:
        for path in folder.glob(f"{self._run}-*.jsonl"):
            if path.name not in self._others and path != self._own.path:
                self._others[path.name] = _Notes(_open_file(path), path)
        for notes in self._others.values():
            notes.read()


def new_owner() -> str:
    """Return the owner of a new resource: its state keeps it."""
    return uuid.uuid4().hex


def held_text(shown: str, other: Claim) -> str:
    """Return the text of an error: another resource has the thing."""
    if other.kind == "deletes":
        return f"{shown} is just being deleted as {other.subject}: run again"
    return (
        f"{shown} belongs to another resource of this run already, {other.subject}: declare it "
        "once, and pass its outputs on. A declaration that is removed leaves what the other one has"
    )


def _private_folder() -> Path:
    """Return a folder that belongs to this user alone. Raises OSError if there is none."""
    from parallel_provider.late import tempfile  # noqa: PLC0415 - heavy

    place = Path(tempfile.gettempdir())
    if place == Path.cwd():
        # What Python takes if no folder for temporary files can be used. Processes of one run have
        # several such folders.
        raise OSError("there is no folder for temporary files")
    folder = place / f"parallel-provider-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    is_private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
    if not is_private or found.st_uid != os.geteuid():
        raise OSError(f"{folder} isn't a folder of this user alone")
    return folder


def _open_file(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _wait_for(descriptor: int) -> None:
    """Wait for a lock. Raises OSError if another process doesn't release it."""
    ends_at = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends_at:
                raise OSError("another process holds its lock for too long") from None
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        else:
            return
