"""Other places where a secret could leak: process lists, environments of commands, logs, events.

After every scenario, `tests/leaks.py` searches the output, the state, the server's log and files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.real_pulumi import needs_pulumi
from tests.scenarios.story import declare, live_keys

_PROGRAM = """
app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id)
svc = parallel.RotatingApiKey("svc", app_id=app.app_id, rotate_after="30d")
pulumi.export("raw", key.raw_api_key)
pulumi.export("balance", parallel.get_balance().credit_balance_cents)
"""

# During a delivery, the provider has both a token and a raw key in memory.
_SPY = """
import os, pathlib, sys
seen = [f"{name}={value}" for name, value in os.environ.items()]
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        seen.append((process / "cmdline").read_text())
    except OSError:
        pass
pathlib.Path(sys.argv[1]).write_text("\\n".join(seen))
"""


@pytest.fixture(autouse=True)
def forked() -> None:
    """Start new processes: others can see with what environment a process was started."""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_process_list_and_environment_of_a_command_hold_no_secret(
    project: Project, emulator: Emulator, tmp_path: Path
) -> None:
    """Other users can read command lines. A delivery gets the key only on its standard input."""
    seen = tmp_path / "seen"
    (tmp_path / "spy.py").write_text(_SPY)
    command = [sys.executable, str(tmp_path / "spy.py"), str(seen)]
    declare(
        project,
        f"""
        app = parallel.App("search")
        parallel.ApiKey("ci", app_id=app.app_id, deliver_command={command!r})
        """,
    )

    project.up()

    text = seen.read_text(errors="replace")
    assert "PARALLEL_API_KEY_ID=" + live_keys(emulator)[0]["api_key_id"] in text
    assert "pulumi.dynamic" in text
    assert emulator.leaks_in(text) == []


@needs_pulumi
@pytest.mark.parametrize("engine", ["pulumi"], indirect=True)
def test_debug_logs_and_events_hold_no_secret(project: Project, emulator: Emulator) -> None:
    """Pulumi's log up to `-v=7`, its debug messages and its events. From 9, it logs everything."""
    project.config("parallel:accessToken", project.env.pop("PARALLEL_ACCESS_TOKEN"), secret=True)
    declare(project, _PROGRAM)
    events: list[Any] = []

    result = project.up(
        debug=True, log_to_std_err=True, log_verbosity=7, log_flow=True, on_event=events.append
    )

    assert len(result.stderr) > 10_000
    told = json.dumps(events, default=vars)
    assert "svc" in told
    assert emulator.leaks_in(told) == []
    assert emulator.leaks_in(result.stderr) == []
