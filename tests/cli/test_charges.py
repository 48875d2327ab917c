"""`parallel-provider charges`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from parallel_provider.lifecycle.charge_journal import ChargeJournal, JournalEntry
from parallel_provider.user_folder import machine_lock
from tests.cli.conftest import Run
from tests.cli.test_output import output_on_terminal
from tests.credentials.sign_ins import SignIn

ENTRY = JournalEntry(
    key="pulumi-" + "0123456789abcdef" * 4,
    org_id="org_1",
    amount_cents=2000,
    resource="acme/shop/prod/credit",
    identity="1234",
    month="2026-11",
    begun_at=1_796_083_140.5,
    begun_here=1_796_083_140.5,
    outcome="begun",
)


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
    assert str(found["begun_at"]) == str(found["begun_here"]) == "1796083140"


@pytest.mark.parametrize("columns", ["20", "80", "120", "400"])
def test_key_is_never_broken_over_lines(
    journal: ChargeJournal, signed_out: SignIn, columns: str
) -> None:
    """A person copies it for `settle`. A narrow terminal shows each value on a line of its own."""
    for number in range(2):
        journal.write(ENTRY.model_copy(update={"key": ENTRY.key[:-1] + str(number)}))

    shown = output_on_terminal(["charges"], {**signed_out.environment, "COLUMNS": columns})

    for number in range(2):
        assert ENTRY.key[:-1] + str(number) in shown
    assert ("Cents" in shown) == (columns != "400")


@pytest.mark.parametrize("key", [ENTRY.key, ENTRY.key[:15], ENTRY.key.removeprefix("pulumi-")[:8]])
@pytest.mark.parametrize("answer", ["--charged", "--not-charged"])
def test_charge_is_settled_once(run: Run, journal: ChargeJournal, key: str, answer: str) -> None:
    """--charged keeps the entry for the next run; --not-charged removes it."""
    journal.write(ENTRY)
    settled = run("charges", "settle", key, answer)

    assert settled.returncode == 0, settled.stderr
    assert [entry.outcome for entry in journal.entries()] == ["charged"] * (answer == "--charged")
    says = "counts it" if answer == "--charged" else "makes it"
    assert f"A run that still asks for this charge {says}" in settled.stderr
    assert ENTRY.key in settled.stderr


@pytest.mark.parametrize("answer", ["--charged", "--not-charged"])
def test_charge_that_is_known_to_be_made_is_not_settled(
    run: Run, journal: ChargeJournal, answer: str
) -> None:
    """A run would charge again, or the text about the next run would be false."""
    charged = ENTRY.model_copy(update={"outcome": "charged"})
    journal.write(charged)

    refused = run("charges", "settle", ENTRY.key, answer)

    assert refused.returncode == 1
    assert "is known to be made, so there is nothing to settle" in refused.stderr
    assert journal.entries() == [charged]


def test_beginning_of_a_key_must_be_long_and_of_one_key(run: Run, journal: ChargeJournal) -> None:
    """Nothing is settled by a guess."""
    entries = [ENTRY.model_copy(update={"key": ENTRY.key[:-1] + end}) for end in "ab"]
    for entry in entries:
        journal.write(entry)

    short = run("charges", "settle", ENTRY.key[:14], "--charged")
    several = run("charges", "settle", ENTRY.key[:20], "--charged")

    assert (short.returncode, several.returncode) == (2, 1)
    assert "at least 8 characters" in short.stderr
    assert "2 charges begin so" in several.stderr
    assert journal.entries() == entries


def test_settling_needs_an_answer_and_a_charge_that_is_known(
    run: Run, journal: ChargeJournal
) -> None:
    """An incomplete command changes nothing."""
    journal.write(ENTRY)
    neither = run("charges", "settle", ENTRY.key)
    unknown = run("charges", "settle", "pulumi-99999999", "--charged")

    assert (neither.returncode, unknown.returncode) == (2, 1)
    assert "--charged or --not-charged" in neither.stderr
    assert "knows no such charge" in unknown.stderr
    assert journal.entries() == [ENTRY]


def test_key_of_two_organizations_is_settled_for_the_one_that_is_named(
    run: Run, journal: ChargeJournal
) -> None:
    """The same key can be charged once in each organization."""
    other = ENTRY.model_copy(update={"org_id": "org_2"})
    journal.write(ENTRY)
    journal.write(other)

    unclear = run("charges", "settle", ENTRY.key, "--not-charged")
    named = run("charges", "settle", ENTRY.key, "--not-charged", "--org", "org_2")

    assert (unclear.returncode, named.returncode) == (1, 0)
    assert "org_1, org_2" in unclear.stderr
    assert journal.entries() == [ENTRY]


def test_nothing_is_settled_while_it_may_be_charged(run: Run, journal: ChargeJournal) -> None:
    """The process that holds the lock is about to learn the outcome."""
    journal.write(ENTRY)

    with machine_lock("charge", "org_1"):
        refused = run("charges", "settle", ENTRY.key, "--not-charged")

    assert refused.returncode == 1
    assert "another process is charging organization org_1" in refused.stderr
    assert journal.entries() == [ENTRY]


def test_damaged_journal_is_one_line(run: Run, journal: ChargeJournal, home: Path) -> None:
    """The line names the file."""
    journal.write(ENTRY)
    [file] = home.rglob("*.json")
    file.write_text("{")

    result = run("charges")

    assert result.returncode == 1
    assert "it is damaged" in result.stderr
    assert str(file) in result.stderr
