"""Exported and imported states."""

from __future__ import annotations

from pathlib import Path

from parallel_provider.testing import EmbeddedStack, local_stack
from tests.embedded.toy_project import Toy
from tests.engines import PROJECT_NAME, STACK_NAME, changes, plain
from tests.real_pulumi import needs_pulumi

PROGRAM = """
a = Thing("a", secret=Output.secret({"x": 1}), opts=ResourceOptions(protect=True))
b = Thing("b", value=a.generation, opts=ResourceOptions(ignore_changes=["zone"]))
pulumi.export("password", Output.secret(a.password))
"""


def test_embedded_stack_imports_the_state_of_either_engine(toy: Toy) -> None:
    """The embedded stack can refresh, update and destroy it."""
    toy.program(PROGRAM.replace("protect=True", ""))
    toy.project.up()
    other = EmbeddedStack(
        STACK_NAME, toy.project.folder, project_name=PROJECT_NAME, env_vars=toy.project.env
    )
    other.import_stack(toy.project.stack.export_stack())
    assert changes(other.refresh()) == {"same": 3}
    assert changes(other.up()) == {"same": 3}
    assert other.outputs()["password"].secret
    assert changes(other.destroy()) == {"delete": 3}


def test_state_has_pulumis_fields(toy: Toy) -> None:
    """Types, ids, inputs, outputs, dependencies and providers."""
    toy.program(PROGRAM)
    toy.project.up()
    root, provider, a, b = toy.project.resources()
    assert root["type"] == "pulumi:pulumi:Stack"
    assert provider["type"] == "pulumi:providers:pulumi-python"
    assert a["type"] == "pulumi-python:dynamic/toy:Thing"
    assert a["provider"] == f"{provider['urn']}::{provider['id']}"
    assert (a["id"], a["custom"], a["protect"], a["parent"]) == ("a-1", True, True, root["urn"])
    assert plain(a["inputs"]["secret"]) == {"x": 1}
    assert b["dependencies"] == [a["urn"]]
    assert b["propertyDependencies"]["value"] == [a["urn"]]


def test_state_has_the_properties_whose_diffs_are_hidden(toy: Toy) -> None:
    """`hide_diffs` is saved under `hideDiff`."""
    toy.program('Thing("a", value=1, opts=ResourceOptions(hide_diffs=["value"]))')
    toy.project.up()
    assert toy.project.resource("a")["hideDiff"] == ["value"]


@needs_pulumi
def test_pulumi_imports_the_state_of_the_embedded_stack(tmp_path: Path) -> None:
    """With an empty passphrase, secrets too."""
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").write_text(
        "import pulumi; pulumi.export('secret', pulumi.Output.secret('hush'))"
    )
    embedded = EmbeddedStack("test", program, project_name="shop")
    embedded.up()
    env: dict[str, str] = {}
    stack = local_stack("test", program, project_name="shop", private_dir=tmp_path, env_vars=env)
    env["PULUMI_CONFIG_PASSPHRASE"] = ""
    stack.import_stack(embedded.export_stack())
    assert stack.outputs()["secret"].value == "hush"
    assert stack.outputs()["secret"].secret
