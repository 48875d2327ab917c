"""Files of a project: `Pulumi.yaml` and `Pulumi.STACK.yaml`."""

from __future__ import annotations

from pathlib import Path

import pytest
from pulumi.automation import ConfigValue
from pulumi.automation.errors import CommandError

from pulumi_embedded import EmbeddedStack, Refused
from tests.engines import Project

EXPORTS = """
import os, pulumi
config = pulumi.Config()
pulumi.export("region", config.get("region"))
pulumi.export("size", config.get_int("size"))
pulumi.export("tags", config.get_object("tags"))
pulumi.export("folder", os.path.basename(os.getcwd()))
"""
DECLARED = """
name: scenario
runtime: python
main: infra
config:
  region: {type: string, default: eu}
  size: {type: integer}
  tags: {type: array, items: {type: string}, default: [a, b]}
"""


@pytest.mark.parametrize("main", ["infra", "infra/__main__.py"])
def test_main_and_defaults_are_used(project: Project, main: str) -> None:
    """The program is below the project's folder, and a default is a value that isn't set."""
    project.write(DECLARED.replace("main: infra", f"main: {main}"), "Pulumi.yaml")
    project.write(EXPORTS, "infra/__main__.py")
    project.config("size", "3")
    outputs = {name: output.value for name, output in project.up().outputs.items()}
    assert outputs == {"region": "eu", "size": 3, "tags": ["a", "b"], "folder": "infra"}


def test_missing_value_is_an_error(project: Project) -> None:
    """A declared value without a default has to be set."""
    project.write(DECLARED, "Pulumi.yaml")
    project.write(EXPORTS, "infra/__main__.py")
    text = "Stack 'test' is missing configuration value 'size'"
    for operation in ("preview", "up"):
        assert text in project.fails(operation)


def test_value_of_another_type_is_an_error(project: Project) -> None:
    """The declared type is checked."""
    project.write(DECLARED, "Pulumi.yaml")
    project.write(EXPORTS, "infra/__main__.py")
    project.config("size", "large")
    text = "Stack 'test' with configuration key 'size' must be of type 'integer'"
    assert text in project.fails("up")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a project whose stack `test` has a configuration file."""
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\nconfig: {region: eu}\n")
    (tmp_path / "Pulumi.test.yaml").write_text("config:\n  shop:region: us\n  shop:size: 2\n")
    (tmp_path / "__main__.py").write_text(EXPORTS)
    return tmp_path


def test_embedded_stack_reads_the_stacks_file(folder: Path) -> None:
    """Its values come before the defaults, and those of `set_config` before both."""
    stack = EmbeddedStack("test", folder)
    outputs = stack.up().outputs
    assert (outputs["region"].value, outputs["size"].value) == ("us", 2)
    stack.set_config("size", ConfigValue("3"))
    stack.remove_config("region")
    outputs = stack.up().outputs
    assert (outputs["region"].value, outputs["size"].value) == ("eu", 3)
    assert stack.get_config("shop:size").value == "3"
    assert not (folder / "Pulumi.test.yaml").read_text().count("3")


def test_encrypted_value_has_to_be_set(folder: Path) -> None:
    """The embedded stack can't decrypt a value in the file, and names it."""
    (folder / "Pulumi.test.yaml").write_text("config:\n  shop:region: {secure: v1:abc}\n")
    stack = EmbeddedStack("test", folder)
    with pytest.raises(Refused, match=r"encrypted configuration value 'shop:region'"):
        stack.up()
    stack.set_config("region", ConfigValue("us", secret=True))
    assert stack.up().outputs["region"].value == "us"


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("Pulumi.yaml", "runtime: nodejs", "the runtime 'nodejs'"),
        ("Pulumi.yaml", "options: {refresh: always}", "`options`"),
        ("Pulumi.yaml", "packages: {parallel: ./plugin}", "`packages`"),
        ("Pulumi.test.yaml", "environment: [prod]", "`environment`"),
    ],
)
def test_unsupported_key_is_refused_by_name(
    tmp_path: Path, file: str, line: str, named: str
) -> None:
    """A key that would change the operation isn't ignored."""
    (tmp_path / "__main__.py").write_text("")
    (tmp_path / file).write_text(f"name: shop\n{line}\n")
    with pytest.raises(Refused, match=named):
        EmbeddedStack("test", tmp_path, project_name="shop").up()


def test_secret_declaration_wants_a_secret(folder: Path) -> None:
    """The error is the one of the command line."""
    (folder / "Pulumi.yaml").write_text("name: shop\nconfig: {region: {secret: true}}\n")
    with pytest.raises(CommandError, match="key 'region' must be encrypted as it's secret"):
        EmbeddedStack("test", folder).up()
