"""The sign-in file on the disk."""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallel_provider.credentials import private_file, store
from parallel_provider.credentials.document import Document
from parallel_provider.credentials.private_file import replacing
from parallel_provider.credentials.store import SignInFile
from parallel_provider.errors import CredentialsError, NoSignInFileError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the place of a file whose directory doesn't exist yet."""
    return tmp_path / "config" / "auth.json"


@pytest.fixture(autouse=True)
def permissive_umask() -> Iterator[None]:
    """Let nothing but the code itself keep files private."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_replaced_file_is_read_back(path: Path) -> None:
    """What is written is there, in a directory that is made for it."""
    file = SignInFile(path)
    with file.locked():
        file.replace(Document.empty())
    assert file.read().raw == Document.empty().raw


def test_file_and_its_company_are_private_from_the_start(path: Path) -> None:
    """Neither the file, nor what becomes it, nor its directory is ever open to others."""
    file = SignInFile(path)
    with file.locked(), file.queue(), file.replacing(Document.empty()) as replacement:
        modes = {child.name: mode_of(child) for child in path.parent.iterdir()}
        assert len(modes) == 3
        assert set(modes.values()) == {0o600}
        replacement.commit(b"{}")
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700


def test_replacing_a_file_that_others_can_read_makes_it_private(path: Path) -> None:
    """The new file doesn't inherit the old one's permissions."""
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    with replacing(path, 1024) as replacement:
        replacement.commit(b"{}")
    assert mode_of(path) == 0o600


def test_file_that_others_can_read_is_warned_of(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever left a sign-in open to others is told how to close it."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        SignInFile(path).read()
    assert "chmod 600" in caplog.text


def test_abandoned_replacement_changes_nothing(path: Path) -> None:
    """An error on the way leaves the old content, and nothing beside it."""
    path.parent.mkdir()
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path, 1024):
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_left_over_of_a_killed_program_is_removed(path: Path) -> None:
    """A crash in mid-write leaves a private file behind, which the next write takes away."""
    path.parent.mkdir()
    path.write_text("old")
    left_over = path.with_name(f".{path.name}.abc123.parallel-provider.tmp")
    left_over.write_text("half a token")
    foreign = path.with_name(".auth.abc123.tmp")
    foreign.write_text("the official client's")
    with replacing(path, 1024) as replacement:
        replacement.commit(b"new")
    assert sorted(path.parent.iterdir()) == sorted([path, foreign])


def test_no_room_on_the_disk_shows_before_it_matters(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh isn't begun when its result couldn't be stored."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    file = SignInFile(path)
    no_room = pytest.raises(CredentialsError, match=r"can't be stored.*No space left")
    with file.locked(), no_room, file.replacing(Document.empty()):
        pytest.fail("the room is made before anything else is done")
    assert not path.exists()


def test_symbolic_link_stays_and_its_target_is_replaced(path: Path, tmp_path: Path) -> None:
    """A file that is kept elsewhere (with dotfiles, say) stays there."""
    target = tmp_path / "dotfiles" / "auth.json"
    target.parent.mkdir()
    target.write_bytes(Document.empty().dump())
    path.parent.mkdir()
    path.symlink_to(target)
    file = SignInFile(path)
    with file.locked():
        file.replace(Document.empty().with_values(client_id="client_1"))
        assert target.with_name("auth.json.lock").exists()
    assert path.is_symlink()
    assert SignInFile(target).read().client_id == "client_1"


def test_missing_file_is_an_error_that_says_to_sign_in(path: Path) -> None:
    """Nobody has signed in yet: that has an error of its own."""
    with pytest.raises(NoSignInFileError, match="parallel-provider login"):
        SignInFile(path).read()
    assert SignInFile(path).read_or_empty().orgs == {}


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 2}', b"{}"])
def test_unusable_file_is_never_taken_for_a_missing_one(path: Path, content: bytes) -> None:
    """A file that can't be understood is named, kept, and not begun anew."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(CredentialsError, match=r"auth.json is .*left as it is"):
        SignInFile(path).read_or_empty()
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop", "huge"])
def test_something_else_in_the_files_place_is_an_error(path: Path, kind: str) -> None:
    """What isn't a sign-in file is named, and reading it neither hangs nor fills the memory."""
    path.parent.mkdir()
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.touch(0o600)
        os.truncate(path, private_file.MAX_SIZE + 1)
    with pytest.raises(CredentialsError, match=r"auth.json can't be read"):
        SignInFile(path).read_or_empty()


def test_lock_that_is_held_for_too_long_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that hangs while it holds the lock doesn't hang all others for ever."""
    monkeypatch.setattr(store, "FILE_LOCK_SECONDS", 0.1)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with SignInFile(path).locked():
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    too_long = pytest.raises(CredentialsError, match=r"auth.json.lock for 0 seconds")
    with too_long, SignInFile(path).locked():
        pytest.fail("two hold the lock")
    done.set()
    holder.join()


def test_lock_that_cannot_be_made_is_an_error(path: Path) -> None:
    """A place that can't be written is named, as is the way out."""
    path.parent.write_text("a file where a directory should be")
    no_lock = pytest.raises(CredentialsError, match=r"auth.json.lock can't be taken")
    with no_lock, SignInFile(path).locked():
        pytest.fail("there is no lock")
