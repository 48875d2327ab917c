"""The first steps of docs/native-plugin.md in TypeScript, with its own commands and program."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.plugin.language_project import NEEDS, ROOT, run_in
from tests.real_pulumi import pulumi_environment
from tests.scripts import python

_PROGRAMS = ("pulumi", *NEEDS["typescript"])
_NAME = "@your-org/parallel"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not all(map(shutil.which, _PROGRAMS)), reason=f"needs {', '.join(_PROGRAMS)} on PATH"
    ),
]


def shown(kind: str) -> list[str]:
    """Return the code blocks of a kind in the section."""
    text = (ROOT / "docs" / "native-plugin.md").read_text()
    section = text.partition("\n## First steps\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{kind}\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def test_key_gets_into_the_input_of_another_resource(tmp_path: Path, emulator: Emulator) -> None:
    """From an empty folder, without a warning; the key is a secret there too."""
    _install, make, run = shown("sh")
    [program] = shown("typescript")
    environment = {**os.environ, **emulator.environment, **pulumi_environment(tmp_path)}

    def shell(folder: Path, script: str) -> str:
        return run_in(folder, environment, "/bin/sh", "-e", "-c", script)

    shell(tmp_path, python("-m", "parallel_provider.cli", "plugin", "install"))
    shell(tmp_path, make)
    shop = tmp_path / "shop-ts"
    dependencies = json.loads((shop / "package.json").read_text())["dependencies"]
    [name] = [each for each, where in dependencies.items() if where.startswith("file:sdks/")]
    (shop / "index.ts").write_text(program.replace(_NAME, name))
    told = shell(shop, run.replace("pulumi up", "pulumi up --yes --non-interactive"))

    assert "4 created" in told
    assert "warning" not in told.lower()
    assert emulator.leaks_in(shell(shop, "pulumi stack export")) == []
    passed_on = shell(shop, "pulumi stack export --show-secrets")
    assert set(emulator.leaks_in(passed_on)) == {"raw_api_key"}
