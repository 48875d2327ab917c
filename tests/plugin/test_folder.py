"""The folder plugin/, from which Pulumi runs the plugin of a checkout, on the real engine."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path

from parallel_provider.testing.emulator import Emulator
from tests.engines import changes
from tests.plugin.language_project import ROOT
from tests.plugin.yaml_project import RealProject, needs_yaml

pytestmark = needs_yaml


def test_packages_can_name_the_folder_of_a_checkout(tmp_path: Path, emulator: Emulator) -> None:
    """Pulumi runs it in an environment of its own, which it would make: this one stands for it."""
    plugin = tmp_path / "checkout" / "plugin"
    shutil.copytree(ROOT / "plugin", plugin, ignore=shutil.ignore_patterns(".venv-plugin"))
    (plugin / ".venv-plugin").symlink_to(sys.prefix)
    project = RealProject(tmp_path, emulator)
    (tmp_path / "Pulumi.yaml").write_text(
        textwrap.dedent(f"""
            name: shop
            runtime: yaml
            packages:
              parallel: {plugin}
            resources:
              search: {{type: parallel:App}}
            outputs:
              orgId: ${{search.orgId}}
            """)
    )

    up = project.stack.up()

    assert changes(up) == {"create": 2}
    assert up.outputs["orgId"].value == emulator.org_id
    assert changes(project.stack.destroy()) == {"delete": 2}
