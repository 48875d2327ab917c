"""The plugin of this environment on an embedded stack, as docs/native-plugin.md shows it."""

from __future__ import annotations

import sys
from pathlib import Path

from parallel_provider.testing import EmbeddedStack
from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.native.providers import install_sdk
from tests.plugin.language_project import ROOT

PROGRAM = """
import parallel_native as parallel

app = parallel.App("search")
parallel.ApiKey("ci", app_id=app.app_id)
"""


def test_plugin_is_given_as_a_command(tmp_path: Path, emulator: Emulator) -> None:
    """No file of it has to be on PATH."""
    shown = 'plugins = {"parallel": [sys.executable, "-m", "parallel_provider.plugin"]}'
    assert shown in (ROOT / "docs" / "native-plugin.md").read_text()
    install_sdk(tmp_path)
    (tmp_path / "__main__.py").write_text(PROGRAM)
    plugins = {"parallel": [sys.executable, "-m", "parallel_provider.plugin"]}
    env = emulator.environment
    stack = EmbeddedStack("test", tmp_path, project_name="shop", plugins=plugins, env_vars=env)

    assert changes(stack.up()) == {"create": 3}
    assert changes(stack.destroy()) == {"delete": 3}
