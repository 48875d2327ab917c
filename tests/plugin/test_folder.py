"""The folder plugin/, from which Pulumi runs the plugin of a checkout, on the real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.engines import changes
from tests.plugin.language_project import ROOT
from tests.plugin.yaml_project import RealProject, needs_yaml


def copy_of_the_folder(folder: Path) -> Path:
    """Return a copy of `plugin/`, with this environment in place of the one that Pulumi makes."""
    plugin = folder / "checkout" / "plugin"
    shutil.copytree(ROOT / "plugin", plugin, ignore=shutil.ignore_patterns(".venv-plugin"))
    (plugin / ".venv-plugin").symlink_to(sys.prefix)
    return plugin


@needs_yaml
def test_packages_can_name_the_folder_of_a_checkout(tmp_path: Path, emulator: Emulator) -> None:
    """Pulumi runs it in an environment of its own, which it would make: this one stands for it."""
    plugin = copy_of_the_folder(tmp_path)
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


def signed_out(folder: Path, path: str) -> dict[str, str]:
    """Return the environment of somebody who isn't signed in."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PARALLEL_")}
    file = str(folder / "auth.json")
    return {**own, "PARALLEL_AUTH_FILE": file, "PULUMI_HOME": str(folder / "home"), "PATH": path}


def test_messages_name_the_command_where_it_is(tmp_path: Path) -> None:
    """Pulumi's environment of a plugin is on nobody's PATH. One that is there is named shortly."""
    plugin = copy_of_the_folder(tmp_path)
    python = plugin / ".venv-plugin" / "bin" / "python"
    for path, command in (
        ("/usr/bin:/bin", python.with_name("parallel-provider")),
        (f"{python.parent}:/usr/bin:/bin", "parallel-provider"),
    ):
        done = subprocess.run(
            [python, plugin, "token"],
            env=signed_out(tmp_path, path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"run `{command} login`" in done.stderr


@needs_yaml
def test_pulumi_runs_a_command_of_the_folder(tmp_path: Path) -> None:
    """Without a standard input: with one, Pulumi 3.260 itself ends with a panic."""
    command = ["pulumi", "plugin", "run", "--kind", "resource", str(copy_of_the_folder(tmp_path))]
    environment = signed_out(tmp_path, os.environ["PATH"])

    done = subprocess.run(
        [*command, "--", "--version"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"parallel-provider {__version__}\n"
