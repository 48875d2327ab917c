"""A folder with a program of any of Pulumi's languages, and its stack on the real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pulumi import automation

from parallel_provider.testing.emulator import Emulator
from tests.native.providers import install_sdk, plugin_executable
from tests.real_pulumi import pulumi_environment

needs_yaml = pytest.mark.skipif(
    shutil.which("pulumi-language-yaml") is None or shutil.which("pulumi") is None,
    reason="needs pulumi and its YAML language host on PATH",
)

_PLUGIN = f"""
plugins:
  providers:
    - name: parallel
      path: {plugin_executable().parent}
"""
_YAML = f"""
name: shop
runtime: yaml
{_PLUGIN}
"""
_PYTHON = f"""
name: shop
runtime:
  name: python
  options:
    virtualenv: {sys.prefix}
{_PLUGIN}
"""


class RealProject:
    """A program's folder, with the state and Pulumi's own files in it."""

    def __init__(self, folder: Path, emulator: Emulator, **variables: str) -> None:
        self._folder = folder
        self._env = {**emulator.environment, **variables, **pulumi_environment(folder)}

    @property
    def stack(self) -> automation.Stack:
        """The stack `prod` of the present program."""
        options = automation.LocalWorkspaceOptions(env_vars=self._env)
        return automation.create_or_select_stack("prod", work_dir=str(self._folder), opts=options)

    def write_yaml(self, text: str) -> None:
        """Write a YAML program: its resources, variables and outputs."""
        (self._folder / "Pulumi.yaml").write_text(_YAML + textwrap.dedent(text))

    def write_python(self, text: str) -> None:
        """Write a Python program. `parallel_native` is the package of the native plugin for it."""
        install_sdk(self._folder)
        (self._folder / "Pulumi.yaml").write_text(_PYTHON)
        (self._folder / "__main__.py").write_text(textwrap.dedent(text))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of Pulumi's for the stack `prod`, which must exist."""
        return subprocess.Popen(
            [shutil.which("pulumi") or "", *arguments, "--stack", "prod", "--non-interactive"],
            cwd=self._folder,
            env={**os.environ, **self._env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stored_state(self) -> str:
        """Return the text of the state's file, in which secrets are encrypted."""
        [file] = (self._folder / "state" / ".pulumi" / "stacks").rglob("prod.json")
        return file.read_text()
