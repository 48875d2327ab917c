"""Run the whole matrix and write `docs/reliability.md`: `python -m tests.reliability`.

Nothing is written unless every cell passes.
"""

from __future__ import annotations

import queue
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from parallel_provider.testing.emulator import Emulator
from tests.reliability.document import DOCUMENT, Key, render
from tests.reliability.matrix import Cell, all_cells
from tests.reliability.outcome import NotAccountedForError, Outcome, outcome_of

# Most of the time is spent waiting for requests that hang.
_WORKERS = 4


def run_all(cells: Iterable[Cell]) -> tuple[dict[Key, Outcome], list[str]]:
    """Run cells on several emulators; return their outcomes and the failures."""
    failures: list[str] = []
    idle: queue.SimpleQueue[Emulator] = queue.SimpleQueue()

    def run(cell: Cell) -> tuple[Key, Outcome] | None:
        emulator = idle.get()
        try:
            return cell.key, outcome_of(cell, emulator)
        except NotAccountedForError as error:
            failures.append(str(error))
        except Exception as error:  # noqa: BLE001 - a crash is a failure too
            failures.append(f"{cell.key}: {type(error).__name__}: {error}")
        finally:
            idle.put(emulator)
        return None

    with ExitStack() as running:
        for _ in range(_WORKERS):
            idle.put(running.enter_context(Emulator()))
        with ThreadPoolExecutor(_WORKERS) as threads:
            found = [outcome for outcome in threads.map(run, cells) if outcome is not None]
    return dict(found), failures


def main() -> int:
    """Run all cells, write the document, and print the result."""
    outcomes, failures = run_all(all_cells())
    for failure in failures:
        sys.stderr.write(f"{failure}\n")
    held = f"{len(outcomes)} of {len(outcomes) + len(failures)} cells pass"
    if failures:
        sys.stdout.write(f"{held}: {DOCUMENT.name} isn't changed.\n")
        return 1
    DOCUMENT.write_text(render(outcomes))
    sys.stdout.write(f"{held}: {DOCUMENT.name} is written.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
