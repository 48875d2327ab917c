"""A forked process is what a new one would be. Else the tests that fork would prove nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pulumi_embedded import processes
from pulumi_embedded.processes import ChildProcess
from tests.fork_server import modules
from tests.forked import ForkServers, new_process, read_at_start

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes are forked on Linux only"
)

_SECONDS = 20.0

_TELL = """
import json, os, signal, sys

print(json.dumps({
    "arguments": sys.argv,
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "paths": sys.path,
    "flags": str(sys.flags),
    "name": __name__,
    "input": sys.stdin.read(),
    "encodings": [sys.stdout.encoding, sys.stderr.encoding],
    "leads a session": os.getsid(0) == os.getpid(),
    "open files": len(os.listdir("/proc/self/fd")),
    "signals": [str(signal.getsignal(number)) for number in signal.valid_signals()],
}))
"""

_LIST_VARIABLES = """
import importlib, os, sys

names = set()


class Environment(type(os.environ)):
    def __getitem__(self, name):
        names.add(name)
        return super().__getitem__(name)


os.environ.__class__ = Environment
for module in sys.argv[1:]:
    importlib.import_module(module)
print(*sorted(names))
"""


def run(
    folder: Path, program: str, *arguments: str, environment: Mapping[str, str] = os.environ
) -> tuple[list[str], int]:
    """Run a program as a child process. Return its lines and its exit code."""
    script = folder / "script.py"
    script.write_text(program)
    lines: list[str] = []
    process = ChildProcess(
        str(script), arguments, work_dir=str(folder), env=environment, on_line=lines.append
    )
    code = process.wait(_SECONDS)
    process.end()
    return lines, code


def test_environment_and_files_are_those_of_a_new_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork_servers: ForkServers
) -> None:
    """So a test can't see the process that it was forked from."""
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "lib"), "PULUMI_CONFIG": "{}"}
    told: list[dict[str, Any]] = []
    for start in (new_process, fork_servers.start):
        monkeypatch.setattr(processes, "start", start)
        [line], code = run(tmp_path, _TELL, "a", "b c", environment=environment)
        assert code == 0
        told.append(json.loads(line))

    new, forked = told
    assert new["leads a session"]
    assert new["arguments"][1:] == ["a", "b c"]
    assert forked == new


def test_variables_that_imports_read_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process isn't forked from one that was started with other values of these."""
    monkeypatch.setattr(processes, "start", new_process)

    [line], code = run(tmp_path, _LIST_VARIABLES, *modules())

    assert code == 0
    # HOME is where a user's own packages are, which a virtual environment doesn't see.
    names = [name for name in line.split() if name != "HOME"]
    assert "PULUMI_ENABLE_LEGACY_APPLY" in names
    assert list(read_at_start(dict.fromkeys(names, ""))) == names
