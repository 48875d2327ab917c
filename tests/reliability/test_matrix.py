"""Every way in which an answer can go wrong has the outcome in `docs/reliability.md`."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.reliability.__main__ import run_all
from tests.reliability.document import DOCUMENT, parse, render, row_of
from tests.reliability.matrix import OPERATIONS, Operation, all_cells
from tests.reliability.outcome import outcome_of

# Faults with the most different outcomes. The slow test runs the whole matrix.
_REPRESENTATIVE = {
    ("403 before", "once"),
    ("500 before", "always"),
    ("503 Retry-After before", "once"),
    ("dropped before", "once"),
    ("refused before", "always"),
    ("dropped after", "once"),
    ("dropped after", "always"),
    ("garbage after", "once"),
    ("gzip bomb after", "once"),
    ("`app_id` dots after", "always"),
    ("`api_key_id` lone surrogate after", "once"),
    ("`created_at` 400 digits after", "always"),
    ("`credit_balance_cents` NaN after", "always"),
}


def test_document_has_every_case() -> None:
    """Each case has an outcome in the document, and each outcome has a case."""
    assert set(parse(DOCUMENT.read_text())) == {cell.key for cell in all_cells()}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
def test_faults_of_an_operation_have_different_outcomes(operation: Operation) -> None:
    """A table whose rows are all alike would be that of an operation that doesn't take place."""
    rows = {row for key, row in parse(DOCUMENT.read_text()).items() if key[0] == operation.title}
    assert len(rows) > 1
    assert any(user.startswith("fails") or "warning" in user for user, *_ in rows)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.title)
def test_representative_cases_end_as_documented(operation: Operation, emulator: Emulator) -> None:
    """What the user sees, what is left, and what the next run does."""
    documented = parse(DOCUMENT.read_text())
    for cell in all_cells():
        if cell.operation is operation and cell.key[1:] in _REPRESENTATIVE:
            assert row_of(outcome_of(cell, emulator)) == documented[cell.key], cell.key


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_document_is_what_the_whole_matrix_says() -> None:
    """The whole matrix gives exactly the document."""
    outcomes, failures = run_all(all_cells())

    assert failures == []
    assert render(outcomes) == DOCUMENT.read_text()
