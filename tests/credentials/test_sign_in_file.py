"""The sign-in file on the disk."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallel_provider.credentials import sign_in_file
from parallel_provider.credentials.sign_in_document import Document
from parallel_provider.credentials.sign_in_file import SignInFile, atomic_write
from parallel_provider.errors import CredentialsError, NoSignInFileError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a file whose directory doesn't exist yet."""
    return tmp_path / "config" / "auth.json"


@pytest.fixture(autouse=True)
def permissive_umask() -> Iterator[None]:
    """Set a umask that would make new files open to other users."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_written_file_is_read_back(path: Path) -> None:
    """The content is read back, from a directory that was created for it."""
    file = SignInFile(path)
    with file.locked():
        file.write(Document.empty())
    assert file.read().raw == Document.empty().raw


def test_file_and_all_files_beside_it_are_private_from_the_start(path: Path) -> None:
    """The file, its temporary file, its locks and its directory are never open to other users."""
    file = SignInFile(path)
    with file.locked(), file.refresh_lock(), file.prepare_write(Document.empty()) as write:
        modes = {child.name: mode_of(child) for child in path.parent.iterdir()}
        assert len(modes) == 3
        assert set(modes.values()) == {0o600}
        write.commit(b"{}")
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700


def rehearse(path: Path) -> None:
    """Try whether the file can be replaced, as before a refresh token is used."""
    file = SignInFile(path)
    with file.locked(), file.prepare_write(file.read_or_empty(), rehearsed=True):
        pass


def test_rehearsal_changes_nothing(path: Path) -> None:
    """The content stays byte by byte, also the unknown fields and how they are written."""
    path.parent.mkdir()
    path.write_text('{"version": 1,\n\n  "mine": [1]}')
    path.chmod(0o600)
    rehearse(path)
    assert path.read_text() == '{"version": 1,\n\n  "mine": [1]}'
    assert [child.name for child in path.parent.iterdir()] == ["auth.json", "auth.json.lock"]


def test_file_that_changes_during_the_rehearsal_is_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official client takes no lock: what it writes isn't replaced by the copy."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o600)
    real = os.fsync

    def write_meanwhile(descriptor: int) -> None:
        path.write_bytes(Document.empty().with_values(client_id="theirs").dump())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", write_meanwhile)
    rehearse(path)
    assert SignInFile(path).read().client_id == "theirs"


def can_mount() -> bool:
    """Return whether a process can have mounts of its own here."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return subprocess.call([unshare, "-rm", "true"], stderr=subprocess.DEVNULL) == 0


@pytest.mark.skipif(not can_mount(), reason="mounts can't be made here")
def test_file_that_is_mounted_alone_is_refused_before_the_refresh(path: Path) -> None:
    """`docker -v` and a Kubernetes subPath mount a file so; nothing can be renamed over it."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o600)
    outside = path.parent.with_name("outside.json")
    outside.write_bytes(path.read_bytes())
    outside.chmod(0o600)
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.credentials.test_sign_in_file import rehearse\n"
        "rehearse(Path(sys.argv[1]))"
    )
    script = 'mount --bind "$1" "$2" && exec "$3" -c "$4" "$2"'
    result = subprocess.run(
        [
            *("unshare", "-rm", "sh", "-c", script, "sh"),
            *(str(outside), str(path), sys.executable, program),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert "Device or resource busy" in result.stderr
    assert "must be the folder, not the file alone" in result.stderr
    assert outside.read_bytes() == path.read_bytes()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change owners")
def test_run_as_root_leaves_all_files_to_the_user(path: Path) -> None:
    """`sudo` may keep HOME: what root makes there must stay the user's."""
    path.parent.parent.chmod(0o755)
    os.chown(path.parent.parent, 12345, 12345)
    file = SignInFile(path)
    with file.locked(), file.refresh_lock():
        file.write(Document.empty())
    assert {child.stat().st_uid for child in (path.parent, *path.parent.iterdir())} == {12345}
    os.chown(path.parent, 0, 0)
    rehearse(path)
    assert path.stat().st_uid == 12345


def test_writing_a_file_that_others_can_read_makes_it_private(path: Path) -> None:
    """The new file doesn't get the old one's mode."""
    path.parent.mkdir()
    path.write_text("{}")
    path.chmod(0o644)
    with atomic_write(path, 1024) as write:
        write.commit(b"{}")
    assert mode_of(path) == 0o600


def test_file_that_others_can_read_gives_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning says how to make the file private."""
    path.parent.mkdir()
    path.write_bytes(Document.empty().dump())
    path.chmod(0o640)
    with caplog.at_level(logging.WARNING):
        SignInFile(path).read()
    assert "chmod 600" in caplog.text


def test_abandoned_write_changes_nothing(path: Path) -> None:
    """After an error, the file has the old content, and there is no other file."""
    path.parent.mkdir()
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_write(path, 1024):
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_temporary_file_of_a_killed_program_is_removed(path: Path) -> None:
    """The next write removes the temporary file of a killed program."""
    path.parent.mkdir()
    path.write_text("old")
    left_over = path.with_name(f".{path.name}.abc123.parallel-provider.tmp")
    left_over.write_text("half a token")
    foreign = path.with_name(".auth.abc123.tmp")
    foreign.write_text("the official client's")
    with atomic_write(path, 1024) as write:
        write.commit(b"new")
    assert sorted(path.parent.iterdir()) == sorted([path, foreign])


def test_full_disk_is_an_error_before_the_refresh(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk is full, the error comes before a refresh."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    file = SignInFile(path)
    no_room = pytest.raises(CredentialsError, match=r"can't be stored.*No space left")
    with file.locked(), no_room, file.prepare_write(Document.empty()):
        pytest.fail("the room is made before anything else is done")
    assert not path.exists()


def test_symbolic_link_stays_and_its_target_is_written(path: Path, tmp_path: Path) -> None:
    """A file that a link points to, such as one of dotfiles, stays where it is."""
    target = tmp_path / "dotfiles" / "auth.json"
    target.parent.mkdir()
    target.write_bytes(Document.empty().dump())
    path.parent.mkdir()
    path.symlink_to(target)
    file = SignInFile(path)
    with file.locked():
        file.write(Document.empty().with_values(client_id="client_1"))
        assert target.with_name("auth.json.lock").exists()
    assert path.is_symlink()
    assert SignInFile(target).read().client_id == "client_1"


def test_missing_file_is_an_error_that_says_to_sign_in(path: Path) -> None:
    """A missing file has an error of its own."""
    with pytest.raises(NoSignInFileError, match="parallel-provider login"):
        SignInFile(path).read()
    assert SignInFile(path).read_or_empty().orgs == {}


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 2}', b"{}"])
def test_unusable_file_is_never_taken_for_a_missing_one(path: Path, content: bytes) -> None:
    """The error names the file, and the file is kept."""
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(CredentialsError, match=r"auth.json is .*left as it is"):
        SignInFile(path).read_or_empty()
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", ["directory", "pipe", "loop", "huge"])
def test_something_else_in_the_files_place_is_an_error(path: Path, kind: str) -> None:
    """The error names the path, and reading it neither hangs nor takes much memory."""
    path.parent.mkdir()
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.touch(0o600)
        os.truncate(path, sign_in_file.MAX_BYTES + 1)
    with pytest.raises(CredentialsError, match=r"auth.json can't be read"):
        SignInFile(path).read_or_empty()


def test_lock_that_is_held_for_too_long_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a program that holds the lock hangs, the others don't wait for ever."""
    monkeypatch.setattr(sign_in_file, "FILE_LOCK_SECONDS", 0.1)
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
    """The error names the lock, and says what to do."""
    path.parent.write_text("a file where a directory should be")
    no_lock = pytest.raises(CredentialsError, match=r"auth.json.lock can't be taken")
    with no_lock, SignInFile(path).locked():
        pytest.fail("there is no lock")
