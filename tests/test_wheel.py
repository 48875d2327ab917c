"""The wheel alone, installed in an empty environment as a user would do it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator

ROOT = Path(__file__).parents[1]
PROGRAM = """
import pulumi
import parallel_provider as parallel

app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id)
pulumi.export("balance", parallel.get_balance_output().credit_balance_cents)
pulumi.export("raw_api_key", key.raw_api_key)
"""
RUN = """
import json, sys
from pathlib import Path
from parallel_provider.testing import EmbeddedStack

stack = EmbeddedStack("test", Path(sys.argv[1]), project_name="wheel")
outputs = stack.up().outputs
stack.destroy()
print(json.dumps({name: output.secret for name, output in outputs.items()}))
"""


def run(*command: str | Path, **environment: str) -> str:
    """Run a command, and return its output."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT.parent,
        env={**variables, **environment},
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_wheel_alone_runs_programs_and_the_command_line(tmp_path: Path, emulator: Emulator) -> None:
    """Without extras: the command line, a program, and the stack for tests.

    `WHEEL` in the environment is the wheel of a release; without it, the test builds one.
    """
    if "WHEEL" in os.environ:
        wheel = ROOT / os.environ["WHEEL"]
    else:
        pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, ROOT)
        [wheel] = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    binaries = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
    installed = (binaries / "python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*installed, "install", "--constraint", ROOT / "constraints.txt", wheel)

    assert run(binaries / "parallel-provider", "--version").startswith("parallel-provider")
    apps = run(binaries / "parallel-provider", "apps", "--json", **emulator.environment)
    assert [app["app_name"] for app in json.loads(apps)] == ["parallel-cli Users"]

    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(PROGRAM)
    told = run(binaries / "python", "-c", RUN, program, **emulator.environment)
    assert json.loads(told.splitlines()[-1]) == {"balance": False, "raw_api_key": True}
    assert emulator.state()["requests"]["POST /service/v1/apps/{app_id}/keys"] == 1
