"""The plugin under `providertest`, with which Pulumi tests its own providers.

The tests are in Go, in the folder `providertest`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.native.providers import plugin_executable
from tests.plugin.language_project import PROGRAMS, needs, run_in
from tests.plugin.yaml_project import needs_yaml
from tests.scenarios.story import (
    CREATE_APP,
    CREATE_KEY,
    DELETE_APP,
    DELETE_KEY,
    calls,
    live_keys,
)
from tests.upgrades.recorded import RECORDED, RecordedState

GO_TESTS = Path(__file__).with_name("providertest")


@pytest.fixture
def go_tests(tmp_path: Path) -> Path:
    """A copy of the tests in Go, with what Go writes about their modules."""
    folder = tmp_path / "providertest"
    shutil.copytree(GO_TESTS, folder)
    module = "github.com/pulumi/providertest"
    download = ["go", "mod", "download", module]
    done = subprocess.run(download, cwd=folder, capture_output=True, text=True, check=False)
    if "403 Forbidden" in done.stderr:
        pytest.skip(f"needs {module}, which the proxy for Go's modules refuses: 403 Forbidden")
    assert done.returncode == 0, done.stderr
    return folder


def last_recorded() -> RecordedState:
    """Return the state of the native plugin's last recorded version."""
    states = [each for each in RECORDED if each.provider == "native"]
    return max(states, key=lambda state: [int(part) for part in state.version[1:].split("_")])


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs_yaml
@needs("pulumi-language-python", "go")
def test_life_cycle_and_upgrade(tmp_path: Path, go_tests: Path, emulator: Emulator) -> None:
    """YAML's quickstart is made and destroyed. A recorded version's stack stays as it is."""
    (tmp_path / "recorded").mkdir()
    project = Project(tmp_path / "recorded", "pulumi")
    last_recorded().continue_in(project, emulator)
    (go_tests / "recorded").mkdir()
    state = json.dumps(vars(project.stack.export_stack()))
    (go_tests / "recorded" / "stack.json").write_text(state)
    environment = {
        **os.environ,
        **project.env,
        "PLUGIN_FOLDER": str(plugin_executable().parent),
        "PULUMITEST_TEMP_DIR": str(tmp_path / "stacks"),
        "RECORDED_PROGRAM": project.stack.workspace.work_dir,
        "YAML_PROGRAM": str(PROGRAMS["yaml"]),
    }
    recorded_keys = live_keys(emulator)

    with calls(emulator) as asked:
        run_in(go_tests, environment, "go", "test", "-mod=mod", ".")

    assert asked[CREATE_APP] == asked[DELETE_APP] == 1
    assert asked[CREATE_KEY] == asked[DELETE_KEY] == 2
    assert live_keys(emulator) == recorded_keys
