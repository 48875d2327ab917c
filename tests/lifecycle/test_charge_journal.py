"""The journal of charges: private, on the disk before the request, and never in the way."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from parallel_provider.errors import ParallelError, UserFolderError
from parallel_provider.lifecycle.charge_journal import ChargeJournal, JournalEntry

HOUR = 3600
CHARGES = ".local/state/parallel-provider/charges"
ENTRY = JournalEntry(
    key="pulumi-1234",
    org_id="org_1",
    amount_cents=500,
    resource="acme/shop/prod/credit",
    identity="1234",
    month="2026-11",
    begun_at=1_000_000.0,
    begun_here=1_000_000.0,
    outcome="begun",
)


@pytest.fixture
def journal() -> ChargeJournal:
    """Return an empty journal."""
    return ChargeJournal()


def test_entry_is_found_by_organization_and_key(journal: ChargeJournal, home: Path) -> None:
    """The file is the user's alone, and nothing else is left beside it."""
    other = ENTRY.model_copy(update={"org_id": "org_2"})
    assert journal.entries() == []
    journal.write(other)
    journal.write(ENTRY)

    assert journal.entries("org_1") == [ENTRY]
    assert journal.entries("org_3") == []
    journal.forget(other)
    assert journal.entries() == [ENTRY]
    [file] = (home / CHARGES).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    for _ in range(2):
        journal.forget(ENTRY)
        assert journal.entries() == []


@pytest.mark.parametrize(
    ("begun_at", "server_time", "expected"),
    [
        (0.0, 22.9 * HOUR, True),
        (0.0, 23.0 * HOUR, False),
        (0.0, 24.0 * HOUR + 5, False),
        (60.0, 0.0, True),
        (61.0, 0.0, False),
        (0.0, None, False),
        (None, 0.0, False),
    ],
)
def test_charge_may_be_repeated_for_less_than_a_day(
    begun_at: float | None, server_time: float | None, *, expected: bool
) -> None:
    """An hour is left for the request itself; a time that isn't known, or goes back, is too old."""
    entry = ENTRY.model_copy(update={"begun_at": begun_at, "begun_here": 0.0})
    also_here = ENTRY.model_copy(update={"begun_at": 0.0, "begun_here": begun_at or 0.0})

    assert entry.may_be_repeated(server_time, 0.0) is expected
    if begun_at is not None and server_time is not None:
        assert also_here.may_be_repeated(0.0, server_time) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({**ENTRY.model_dump(), "key": 1}),
        json.dumps({**ENTRY.model_dump(), "begun_at": float("nan")}),
        json.dumps({**ENTRY.model_dump(), "outcome": "perhaps"}),
    ],
)
def test_damaged_entry_is_an_error_and_not_a_charge_that_never_was(
    journal: ChargeJournal, home: Path, text: str
) -> None:
    """What can't be read may be a charge that was made."""
    journal.write(ENTRY)
    [file] = (home / CHARGES).iterdir()
    file.write_text(text)

    with pytest.raises(ParallelError, match="look at the charges") as failure:
        journal.entries("org_2")
    assert str(file) in str(failure.value)


def test_entry_of_a_later_version_is_read(journal: ChargeJournal, home: Path) -> None:
    """It may have more fields, and is the record of a charge all the same."""
    journal.write(ENTRY)
    [file] = (home / CHARGES).iterdir()
    file.write_text(json.dumps({**ENTRY.model_dump(), "more": "fields"}))
    assert journal.entries() == [ENTRY]


@pytest.mark.parametrize("home", ["/dev/null", "/nonexistent", "not/absolute"])
def test_home_that_is_missing_holds_nothing_and_takes_nothing(
    journal: ChargeJournal, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """As in a container whose user has no place for files."""
    monkeypatch.setenv("HOME", home)

    assert journal.entries() == []
    with pytest.raises(UserFolderError, match="HOME"):
        journal.write(ENTRY)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_journal_that_cannot_be_read_is_not_an_empty_one(
    journal: ChargeJournal, home: Path
) -> None:
    """It may belong to root, after a run with sudo, and have a charge."""
    journal.write(ENTRY)
    (home / CHARGES).chmod(0)
    try:
        with pytest.raises(ParallelError, match="let this user read"):
            journal.entries()
    finally:
        (home / CHARGES).chmod(0o700)
