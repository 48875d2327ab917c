"""Fixtures for every test: a running emulator, reset for each test."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.checked_emulator import CheckedEmulator
from tests.forked import fork_servers

__all__ = ["fork_servers"]

_IN_THE_HOME_FOLDER = {
    "GOPATH": "go",
    "PULUMI_HOME": ".pulumi",
    "XDG_CACHE_HOME": ".cache",
    "npm_config_cache": ".npm",
}


@pytest.fixture(scope="session", autouse=True)
def _caches() -> Iterator[None]:
    """Let other tools find what they have in the real home folder, which tests don't see."""
    home = Path.home()
    with pytest.MonkeyPatch.context() as patch:
        for name, folder in _IN_THE_HOME_FOLDER.items():
            if name not in os.environ:
                patch.setenv(name, str(home / folder))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home folder of its own, for locks, notes, and the journal of charges."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def emulator_process() -> Iterator[CheckedEmulator]:
    """Run one emulator for all tests of this process. Tests use `emulator`."""
    emulator = CheckedEmulator()
    with emulator:
        yield emulator


@pytest.fixture
def emulator(emulator_process: CheckedEmulator) -> Iterator[Emulator]:
    """Give the emulator in its initial state: a new organization, no clock offset, no faults.

    After the test, check that all answers were as the API's OpenAPI file says.
    """
    emulator_process.reset()
    yield emulator_process
    emulator_process.assert_documented()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run do without the fork server."""
    parser.addoption(
        "--new-processes",
        action="store_true",
        help="start each process of an embedded stack anew, instead of forking one",
    )


def pytest_configure() -> None:
    """Undo what the environment of the tests may set.

    A shell without job control starts a background process with SIGINT ignored, and `nohup` one
    with SIGHUP ignored. All processes that it starts inherit that, and signals that tests send
    would not reach them. Containers often forbid the cache of compiled modules. Then each process
    of the tests would compile all tests anew, which takes longer than everything else it imports.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in ("SIGINT", "SIGHUP", "SIGTERM"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return two processes more than there are cores: tests wait for other processes at times."""
    return (os.cpu_count() or 1) + 2


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reasons for skipped tests: one line per reason with the number of tests."""
    reasons: Counter[str] = Counter()
    for report in terminalreporter.getreports("skipped"):
        if isinstance(report.longrepr, tuple):
            reasons[report.longrepr[2].removeprefix("Skipped: ")] += 1
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} skipped: {reason}")
