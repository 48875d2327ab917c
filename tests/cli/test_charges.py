"""`parallel-provider charges`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallel_provider.lifecycle.charge_journal import ChargeJournal, JournalEntry
from tests.cli.conftest import Run

ENTRY = JournalEntry("pulumi-1234", "org_1", 2000, "acme/shop/prod/credit", 1_796_083_140, "begun")


@pytest.fixture
def journal() -> ChargeJournal:
    """Return the journal that the commands see."""
    return ChargeJournal()


def test_charges_are_listed(run: Run, journal: ChargeJournal) -> None:
    """People see the time, the amount, the outcome and the key; programs see all fields."""
    assert json.loads(run("charges", "--json").stdout) == []
    journal.write(ENTRY)

    line = run("charges").stdout.splitlines()[1]

    for words in ("2026-11-30 23:59 UTC", "2000", "not known", "acme/shop/prod/credit", ENTRY.key):
        assert words in line
    [found] = json.loads(run("charges", "--json").stdout)
    assert (found["key"], found["outcome"], found["amount_cents"]) == (ENTRY.key, "begun", 2000)


def test_charge_is_settled(run: Run, journal: ChargeJournal) -> None:
    """--charged keeps the entry for the next run; --not-charged removes it."""
    journal.write(ENTRY)
    assert run("charges", "settle", ENTRY.key, "--charged").returncode == 0
    [settled] = journal.entries()
    assert settled.outcome == "settled"

    assert run("charges", "settle", ENTRY.key, "--not-charged").returncode == 0
    assert journal.entries() == []


def test_settling_needs_an_answer_and_a_charge_that_is_known(
    run: Run, journal: ChargeJournal
) -> None:
    """An incomplete command changes nothing."""
    journal.write(ENTRY)
    neither = run("charges", "settle", ENTRY.key)
    unknown = run("charges", "settle", "pulumi-9999", "--charged")

    assert (neither.returncode, unknown.returncode) == (2, 1)
    assert "--charged or --not-charged" in neither.stderr
    assert "knows no such charge" in unknown.stderr
    assert journal.entries() == [ENTRY]


def test_key_of_two_organizations_is_settled_for_the_one_that_is_named(
    run: Run, journal: ChargeJournal
) -> None:
    """The same key can be charged once in each organization."""
    other = JournalEntry(ENTRY.key, "org_2", 2000, ENTRY.resource, ENTRY.begun_at, "begun")
    journal.write(ENTRY)
    journal.write(other)

    unclear = run("charges", "settle", ENTRY.key, "--not-charged")
    named = run("charges", "settle", ENTRY.key, "--not-charged", "--org-id", "org_2")

    assert (unclear.returncode, named.returncode) == (1, 0)
    assert "org_1, org_2" in unclear.stderr
    assert journal.entries() == [ENTRY]


def test_damaged_journal_is_one_line(run: Run, journal: ChargeJournal, tmp_path: Path) -> None:
    """The line names the file."""
    journal.write(ENTRY)
    [file] = (tmp_path / "user-state").rglob("*.json")
    file.write_text("{")

    result = run("charges")

    assert result.returncode == 1
    assert "it is damaged" in result.stderr
    assert str(file) in result.stderr
