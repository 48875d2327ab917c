"""`local_stack` with a folder that already has a project of the user."""

from __future__ import annotations

from pathlib import Path

from pulumi.automation import ConfigValue

from parallel_provider.testing import local_stack
from tests.real_pulumi import needs_pulumi

PROJECT_FILE = """\
# Ours: don't touch.
name: shop
description: all that we sell
runtime: python
main: infra
config:
  region:
    type: string
    default: eu
"""


@needs_pulumi
def test_local_stack_leaves_the_users_files_alone(tmp_path: Path) -> None:
    """It reads `main` and the defaults of the user's project, and writes nothing to its folder."""
    theirs = tmp_path / "shop"
    (theirs / "infra").mkdir(parents=True)
    (theirs / "Pulumi.yaml").write_text(PROJECT_FILE)
    (theirs / "Pulumi.test.yaml").write_text("config:\n  shop:region: us\n")
    (theirs / "infra" / "__main__.py").write_text(
        "import pulumi\n"
        "pulumi.export('region', pulumi.Config().require('region'))\n"
        "pulumi.export('size', pulumi.Config().require('size'))\n"
    )
    before = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}

    stack = local_stack("test", theirs, project_name="shop", private_dir=tmp_path / "private")
    stack.set_config("size", ConfigValue("small"))
    outputs = stack.up().outputs

    assert {name: output.value for name, output in outputs.items()} == {
        "region": "eu",
        "size": "small",
    }
    after = {path: path.read_bytes() for path in theirs.rglob("*") if path.is_file()}
    assert {path: text for path, text in after.items() if "__pycache__" not in path.parts} == before


@needs_pulumi
def test_local_stack_sees_changes_of_the_program(tmp_path: Path) -> None:
    """The stack runs the user's program itself, not a copy."""
    stack = local_stack("test", tmp_path, project_name="shop", private_dir=tmp_path / "private")
    for answer in (1, 2):
        (tmp_path / "__main__.py").write_text(f"import pulumi\npulumi.export('n', {answer})\n")
        assert stack.up().outputs["n"].value == answer
