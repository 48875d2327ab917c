"""templates/parallel-python: what `pulumi new` makes of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import yaml  # type: ignore[import-untyped] # no stubs among what the tests may need

from parallel_provider.testing.emulator import Emulator
from parallel_provider.version import __version__
from tests.engines import Project, changes
from tests.real_pulumi import needs_pulumi, pulumi_environment
from tests.scenarios.story import live_keys

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "templates" / "parallel-python"


def test_program_of_the_template_creates_once(project: Project, emulator: Emulator) -> None:
    """It works as it is. Its key is a secret, and its setting takes effect."""
    project.copy(TEMPLATE)
    project.env.update(emulator.environment)
    project.config("parallel:orgId", emulator.org_id)

    result = project.up()

    assert changes(result) == {"create": 3}
    assert result.outputs["raw_api_key"].secret
    assert [key["api_key_name"] for key in live_keys(emulator)] == ["service"]
    project.config("rotateAfter", "60d")
    assert changes(project.up()) == {"update": 1, "same": 2}


def test_template_section_names_the_settings_that_the_program_reads() -> None:
    """`pulumi new` asks for them."""
    project = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text())
    assert project["name"] == "${PROJECT}"
    assert set(project["template"]["config"]) == {"parallel:orgId", "rotateAfter"}
    assert project["template"]["config"]["rotateAfter"]["default"] == "30d"
    assert '"rotateAfter") or "30d"' in (TEMPLATE / "__main__.py").read_text()


def test_requirements_name_the_wheel_of_this_version() -> None:
    """The package isn't on PyPI. The SDK's range is that of the package."""
    lines = (TEMPLATE / "requirements.txt").read_text().splitlines()
    sdk, wheel = [line for line in lines if not line.startswith("#")]
    assert f'"{sdk}"' in (ROOT / "pyproject.toml").read_text()
    assert wheel == f"./parallel_provider-{__version__}-py3-none-any.whl"


@needs_pulumi
def test_pulumi_new_makes_a_project(tmp_path: Path) -> None:
    """The names are filled in, and no placeholder is left."""
    target = tmp_path / "shop"
    places = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    environment = {**places, **pulumi_environment(tmp_path)}
    options = ["--name", "shop", "--description", "A shop.", "--dir", str(target)]
    done = subprocess.run(
        [str(shutil.which("pulumi")), "new", str(TEMPLATE), *options, "--generate-only", "--yes"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {file.name for file in target.iterdir()} == {
        ".gitignore",
        "Pulumi.yaml",
        "README.md",
        "__main__.py",
        "requirements.txt",
    }
    project = yaml.safe_load((target / "Pulumi.yaml").read_text())
    assert project["name"] == "shop"
    assert "template" not in project
    assert not [file.name for file in target.iterdir() if "${" in file.read_text()]
    assert (target / "README.md").read_text().startswith("# shop\n\nA shop.\n")
