"""The user's folder for locks and notes: the same for all processes, and the user's alone."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from parallel_provider.credentials.sign_in_file import Document, SignInFile
from parallel_provider.errors import UserFolderError
from parallel_provider.user_folder import (
    give_to_owner,
    machine_lock,
    make_user_folder,
    noting_work,
    user_folder,
    write_private,
)

_HOLDER = """
import os
from parallel_provider.user_folder import machine_lock
with machine_lock("charge", "org_1"):
    print("held", flush=True)
    os.read(0, 1)
"""


@pytest.mark.parametrize(
    "variables",
    [
        {"XDG_RUNTIME_DIR": "/run/user/0", "XDG_STATE_HOME": "/somewhere"},
        {"XDG_RUNTIME_DIR": "", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""},
    ],
)
def test_folder_depends_on_the_home_folder_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """A login session, cron and sudo have other variables, and have to find the same locks."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert user_folder() == home / ".local/state/parallel-provider"


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_each_new_part_of_the_path_is_private(home: Path, umask: int) -> None:
    """Whatever the umask says; and what was there before stays as it is."""
    (home / ".local").mkdir()
    (home / ".local").chmod(0o755)
    before = os.umask(umask)
    try:
        folder = make_user_folder("charges")
    finally:
        os.umask(before)

    made = [folder, folder.parent, folder.parent.parent]
    assert [stat.S_IMODE(part.stat().st_mode) for part in made] == [0o700] * 3
    assert stat.S_IMODE((home / ".local").stat().st_mode) == 0o755
    assert make_user_folder("charges") == folder


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change owners")
def test_run_as_root_leaves_locks_and_notes_to_the_user(home: Path) -> None:
    """`sudo` may keep HOME: the user's next run needs the same lock and the same notes."""
    os.chown(home, 12345, 12345)
    folder = make_user_folder("charges")
    write_private(folder / "entry", b"{}")
    with machine_lock("charge", "org_1") as failure:
        assert failure is None
    assert {path.stat().st_uid for path in home.rglob("*")} == {12345}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change users")
def test_folder_of_another_user_that_the_group_may_write_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers run as a user without a name, in the home folder of an image's user."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setenv("HOME", name)
        os.chown(name, 12345, os.getegid())
        Path(name).chmod(0o770)
        file = SignInFile(Path(name) / ".config" / "auth.json")
        os.seteuid(23456)
        try:
            write_private(make_user_folder("charges") / "entry", b"{}")
            with machine_lock("charge", "org_1") as failure, file.locked():
                file.write(Document.empty())
            assert failure is None
        finally:
            os.seteuid(0)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can change owners")
def test_link_in_the_place_of_a_new_file_is_not_followed(home: Path) -> None:
    """Else root, with a user's HOME, would give any file of the machine to the user."""
    target = home / "system file"
    target.touch()
    folder = make_user_folder()
    os.chown(folder, 12345, 12345)
    (folder / "link").symlink_to(target)
    give_to_owner(folder / "link", folder)
    assert target.stat().st_uid == 0


@pytest.mark.parametrize(
    "reason", ["no home", "relative", "empty", "a file", "gone", "file in the way"]
)
def test_without_a_place_there_is_one_clear_error(
    home: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """It says what to set. Notes are then left out, and what they are for goes on."""

    def no_home() -> Path:
        raise RuntimeError

    if reason == "no home":
        monkeypatch.setattr(Path, "home", no_home)
    elif reason == "file in the way":
        (home / ".local").touch()
    else:
        places = {"relative": "here", "empty": "", "a file": "/dev/null", "gone": "/nonexistent"}
        monkeypatch.setenv("HOME", places[reason])

    with pytest.raises(UserFolderError, match=r"set (HOME|it)"):
        make_user_folder()
    with machine_lock("charge") as failure, noting_work("rotation", work="svc-2") as was_left:
        assert isinstance(failure, UserFolderError)
        assert not was_left


@pytest.mark.usefixtures("home")
def test_note_of_lost_work_outlives_an_attempt_that_fails() -> None:
    """Its error tells of this attempt alone. Work that only failed isn't noted as lost."""

    def attempt(work: str, error: type[Exception] | None = None) -> bool:
        with contextlib.suppress(ValueError), noting_work("rotation", work=work) as was_lost:
            if error is not None:
                raise error
        return was_lost

    attempts = [attempt("a", ValueError), attempt("a"), attempt("a", ValueError), attempt("a")]

    assert attempts == [False, False, True, True]
    assert not attempt("b")


def test_processes_with_other_variables_share_a_lock(home: Path) -> None:
    """One has those of a login session, and the other those of cron. A kill ends the lock too."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "XDG_RUNTIME_DIR": str(home / "runtime"), "XDG_STATE_HOME": str(home)},
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"

    with machine_lock("charge", "org_1", wait_seconds=0.1) as failure:
        assert isinstance(failure, TimeoutError)

    holder.kill()
    holder.communicate()
    with machine_lock("charge", "org_1", wait_seconds=0.1) as failure:
        assert failure is None


@pytest.mark.usefixtures("home")
def test_wait_for_a_lock_ends_with_the_run() -> None:
    """A cancelled run doesn't wait for the one that holds it."""
    cancellation = threading.Event()
    cancellation.set()
    began = time.monotonic()
    with (
        machine_lock("charge", "org_1"),
        machine_lock("charge", "org_1", wait_seconds=60, cancellation=cancellation) as failure,
    ):
        assert isinstance(failure, TimeoutError)
    assert time.monotonic() - began < 30
