"""The journal of charges: private, on the disk before the request, and never in the way."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path

import pytest

from parallel_provider.errors import JournalError
from parallel_provider.lifecycle import charge_journal
from parallel_provider.lifecycle.charge_journal import ChargeJournal, JournalEntry

HOUR = 3600
ENTRY = JournalEntry("pulumi-1234", "org_1", 500, "acme/shop/prod/credit", 1_000_000.0, "begun")


@pytest.fixture
def journal(tmp_path: Path) -> ChargeJournal:
    """Return an empty journal."""
    return ChargeJournal(tmp_path / "charges")


def test_entry_is_found_by_organization_and_key(journal: ChargeJournal, tmp_path: Path) -> None:
    """The file is the user's alone, and nothing else is left beside it."""
    assert journal.find("org_1", ENTRY.key) is None
    journal.write(ENTRY)

    assert journal.find("org_1", ENTRY.key) == ENTRY
    assert journal.find("org_2", ENTRY.key) is None
    [file] = (tmp_path / "charges").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    journal.forget(ENTRY)
    assert journal.entries() == []


@pytest.mark.parametrize(
    ("begun_at", "server_time", "expected"),
    [
        (0.0, 22.9 * HOUR, True),
        (0.0, 23.0 * HOUR, False),
        (0.0, 24.0 * HOUR + 5, False),
        (30.0, 0.0, True),
        (2.0 * HOUR, 0.0, False),
        (0.0, None, False),
        (None, 0.0, False),
    ],
)
def test_charge_may_be_repeated_for_less_than_a_day(
    begun_at: float | None, server_time: float | None, *, expected: bool
) -> None:
    """An hour is left for the request itself; a time that isn't known, or goes back, is too old."""
    entry = dataclasses.replace(ENTRY, begun_at=begun_at)

    assert entry.may_be_repeated(server_time) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"key": 1, "org_id": "o", "amount_cents": 1, "resource": "r", "begun_at": 1, '
        '"outcome": "begun"}',
        '{"key": "k", "org_id": "o", "amount_cents": 1, "resource": "r", "begun_at": NaN, '
        '"outcome": "begun"}',
        '{"key": "k", "org_id": "o", "amount_cents": 1, "resource": "r", "begun_at": 1, '
        '"outcome": "perhaps"}',
    ],
)
def test_damaged_entry_is_an_error_and_not_a_charge_that_never_was(
    journal: ChargeJournal, tmp_path: Path, text: str
) -> None:
    """What can't be read may be a charge that was made."""
    journal.write(ENTRY)
    [file] = (tmp_path / "charges").iterdir()
    file.write_text(text)

    with pytest.raises(JournalError, match="look at the charges") as failure:
        journal.find("org_1", ENTRY.key)
    assert str(file) in str(failure.value)


def test_home_that_is_missing_holds_nothing_and_takes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in a container whose user has no entry."""

    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    journal = ChargeJournal()

    assert journal.find("org_1", ENTRY.key) is None
    assert journal.entries() == []
    with pytest.raises(JournalError, match="no home directory"):
        journal.write(ENTRY)


def test_old_entries_are_forgotten_but_for_those_that_are_unclear(
    journal: ChargeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder stays small, and never loses a charge whose outcome isn't known."""
    monkeypatch.setattr(charge_journal, "_MAX_ENTRIES", 3)
    journal.write(ENTRY)
    for number in range(5):
        charged = dataclasses.replace(
            ENTRY, key=f"pulumi-{number}", begun_at=ENTRY.begun_at, outcome="charged"
        )
        journal.write(charged)

    assert [entry.key for entry in journal.entries()] == [ENTRY.key, "pulumi-3", "pulumi-4"]


def test_only_what_a_destroyed_resource_had_recorded_is_released(journal: ChargeJournal) -> None:
    """A charge of unknown outcome stays one; other resources and organizations aren't touched."""
    recorded = dataclasses.replace(ENTRY, key="pulumi-recorded", outcome="charged")
    other = dataclasses.replace(recorded, key="pulumi-other", resource="acme/shop/prod/other")
    for entry in (ENTRY, recorded, other):
        journal.write(entry)

    journal.release("org_1", ENTRY.resource)

    outcomes = {entry.key: entry.outcome for entry in journal.entries()}
    assert outcomes == {
        ENTRY.key: "begun",
        "pulumi-recorded": "destroyed",
        "pulumi-other": "charged",
    }
