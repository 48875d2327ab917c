"""A plugin that somebody has started, such as a debugger: `PULUMI_DEBUG_PROVIDERS`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.plugin.yaml_project import RealProject, needs_yaml

PROGRAM = """
resources:
  search: {type: parallel:App}
  ci: {type: parallel:ApiKey, properties: {appId: "${search.appId}"}}
"""
KEYS = "/service/v1/apps/{app_id}/keys"


@pytest.fixture
def port(emulator: Emulator) -> Iterator[str]:
    """Start the plugin without an engine's address, and return its port."""
    command = [sys.executable, "-m", "parallel_provider.plugin"]
    environment = {**os.environ, **emulator.environment}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


@needs_yaml
@pytest.mark.timeout(500)
def test_attached_plugin_serves_one_run_after_the_other(
    tmp_path: Path, emulator: Emulator, port: str
) -> None:
    """The engine cancels each phase at its end. Not even a failed creation is left for the next."""
    project = RealProject(tmp_path, emulator, PULUMI_DEBUG_PROVIDERS=f"parallel:{port}")
    project.write_yaml(PROGRAM)
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    with pytest.raises(automation.CommandError, match="creating ApiKey 'ci'"):
        project.stack.up()

    assert changes(project.stack.up()) == {"create": 1, "same": 2}
    assert changes(project.stack.destroy()) == {"delete": 3}
    assert [app["app_name"] for app in emulator.state()["apps"]] == ["parallel-cli Users"]
