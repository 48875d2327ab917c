"""Runs with a stored sign-in whose access tokens expire during the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.checked_emulator import CheckedEmulator
from tests.engines import Project, changes

APPS = 16
PROGRAM = f"""
import parallel_provider as parallel

for number in range({APPS}):
    parallel.App(f"app-{{number}}")
"""


def sign_in(environment: dict[str, str]) -> None:
    """Sign in like a user. The emulator approves at once."""
    command = [sys.executable, "-m", "parallel_provider.cli", "login", "--no-browser", "--wait"]
    subprocess.run(
        command, env={**os.environ, **environment}, check=True, capture_output=True, timeout=60
    )


def test_run_outlives_its_access_tokens(project: Project, tmp_path: Path) -> None:
    """16 apps, 200 ms per answer, tokens of two seconds. Afterwards, no token is left anywhere."""
    settings = ("--auto-approve", "--token-lifetime", "2", "--latency", "0.2")
    with CheckedEmulator(*settings) as emulator:
        file = tmp_path / "auth.json"
        project.env |= {
            "PARALLEL_SERVICE_API_URL": emulator.url,
            "PARALLEL_PLATFORM_URL": emulator.url,
            "PARALLEL_AUTH_FILE": str(file),
            "PARALLEL_ACCESS_TOKEN": "",
        }
        sign_in(project.env)
        project.write(PROGRAM)

        created = project.up(parallel=4)
        assert changes(created) == {"create": APPS + 1}
        assert changes(project.refresh()) == {"same": APPS + 1}
        destroyed = project.destroy(parallel=4)

        assert [app["app_name"] for app in emulator.state()["apps"]] == ["parallel-cli Users"]
        assert emulator.state()["requests"]["POST /getServiceKeys/token"] > 2
        printed = created.stdout + created.stderr + destroyed.stdout + destroyed.stderr
        assert emulator.leaks_in(printed) == []
        assert emulator.leaks_in(file.read_text()) != []
