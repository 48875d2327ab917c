"""The folder of this user's locks and notes on this machine: ~/.local/state/parallel-provider.

It depends on the home folder alone. A login session, cron and sudo set XDG variables differently,
and have to find the same locks. It outlives a logout, as its notes must.
"""

from __future__ import annotations

from pathlib import Path

from parallel_provider.errors import UserFolderError

_PARTS = (".local", "state", "parallel-provider")


def user_folder() -> Path:
    """Return the folder, which may not exist yet. Raises UserFolderError without a home folder."""
    try:
        home = Path.home()
    except RuntimeError:
        raise UserFolderError(
            "this user has no home folder for locks and notes: set HOME to a folder that it can "
            "write"
        ) from None
    if not home.is_absolute():
        raise UserFolderError("HOME isn't an absolute path: set it to this user's home folder")
    return home.joinpath(*_PARTS)


def make_user_folder(*parts: str) -> Path:
    """Return the folder, or the folder `parts` in it, and make what is missing.

    No new part has more rights than 0700, whatever the umask. Raises UserFolderError.
    """
    wanted = user_folder().joinpath(*parts)
    for folder in (*wanted.parents[len(_PARTS) + len(parts) - 2 :: -1], wanted):
        try:
            _make(folder)
        except OSError as error:
            raise UserFolderError(
                f"the folder {folder}, for locks and notes, can't be made ({error.strerror}): let "
                "this user write there, or set HOME to a folder that it can write"
            ) from None
    return wanted


def _make(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
        return  # another process has just made it
    folder.chmod(0o700)  # the umask may have taken rights from the user too
