"""The files of pipeline runs: which of them are removed, and which are somebody else's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.pipeline_file import (
    pipeline_path,
    remove_old_files,
    seed_document,
)

OLD = time.time() - 2 * 24 * 60 * 60
DIGITS = "0123456789abcdef" * 2


def write(path: Path, content: bytes, modified: float = OLD) -> Path:
    """Make a file that was last written at some time."""
    path.write_bytes(content)
    os.utime(path, (modified, modified))
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Give the file of the run that does the cleaning."""
    return write(
        pipeline_path(tmp_path / "auth.json", SecretStr("rt")), seed(), modified=time.time()
    )


def seed() -> bytes:
    """Return what a run's file begins with."""
    return seed_document(SecretStr("refresh-0"), None).dump()


def test_files_of_old_runs_are_removed_with_their_locks(own: Path) -> None:
    """A machine that serves many runs doesn't collect their tokens."""
    old = write(own.with_name(f"pipeline-{DIGITS}.json"), seed())
    for suffix in (".lock", ".refresh.lock"):
        write(old.with_name(old.name + suffix), b"")
    remove_old_files(own)
    assert list(own.parent.iterdir()) == [own]


def test_file_of_a_run_of_today_stays(own: Path) -> None:
    """It may still be under way."""
    young = write(own.with_name(f"pipeline-{DIGITS}.json"), seed(), modified=time.time())
    remove_old_files(own)
    assert young.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pipeline-prod.json", seed()),
        ("pipeline-.json", seed()),
        (f"pipeline-{DIGITS}0.json", seed()),
        (f"pipeline-{DIGITS.upper()}.json", seed()),
        (f"pipeline-{DIGITS}.json.json", seed()),
        (f"my-pipeline-{DIGITS}.json", seed()),
        (f"pipeline-{DIGITS}.json\n", seed()),
        (f"pipeline-{DIGITS}.json", b'{"stages": ["build"]}'),
        (f"pipeline-{DIGITS}.json", b""),
        (f"pipeline-{DIGITS}.json", b'{"version": 1, "selected_org_id": "org_1"}'),
    ],
)
def test_file_that_this_program_cannot_have_made_stays(
    own: Path, name: str, content: bytes
) -> None:
    """A user's own file beside ours is never removed, nor are its neighbours."""
    foreign = write(own.with_name(name), content)
    lock = write(own.with_name(f"{name}.lock"), b"")
    remove_old_files(own)
    assert foreign.exists()
    assert lock.exists()


def test_something_in_the_way_does_not_keep_the_others(own: Path) -> None:
    """A directory or a link of such a name is left, and the rest is cleaned."""
    own.with_name(f"pipeline-{'0' * 32}.json").mkdir()
    target = write(own.with_name("target.json"), seed())
    link = own.with_name(f"pipeline-{'1' * 32}.json")
    link.symlink_to(target)
    old = write(own.with_name(f"pipeline-{'f' * 32}.json"), seed())
    remove_old_files(own)
    assert not old.exists()
    assert link.is_symlink()
    assert target.exists()
