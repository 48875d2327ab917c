"""Stack references: outputs of other stacks."""

from __future__ import annotations

import json

import pytest
from pulumi.automation import OutputMap, OutputValue, Stack

from pulumi_embedded import EmbeddedStack
from tests.embedded.toy_project import Toy
from tests.engines import PROJECT_NAME, STACK_NAME, changes, is_secret, plain

OTHER = f"organization/{PROJECT_NAME}/{STACK_NAME}"
SECOND = "second"
FIRST_PROGRAM = """
pulumi.export("zone", "x")
pulumi.export("password", Output.secret({"value": "hush"}))
"""
SECOND_PROGRAM = f"""
other = pulumi.StackReference("{OTHER}")
Thing("a", zone=other.require_output("zone"), secret=other.require_output("password"))
pulumi.export("zone", other.get_output("zone"))
pulumi.export("password", other.get_output("password"))
pulumi.export("missing", other.get_output("missing"))
"""


def _make_second_stack(toy: Toy) -> OutputMap:
    """Run the first program, and let the project continue with a second stack.

    The program of the second stack can refer to the first one. Return the first one's outputs.
    """
    project = toy.project
    toy.program(FIRST_PROGRAM)
    outputs = project.up().outputs
    stack: Stack | EmbeddedStack
    if isinstance(project.stack, EmbeddedStack):
        stack = EmbeddedStack(
            SECOND,
            project.folder,
            project_name=PROJECT_NAME,
            env_vars=project.env,
            stack_references={OTHER: outputs},
        )
    else:
        stack = Stack.create_or_select(SECOND, project.stack.workspace)
    project.stack = stack
    return outputs


def test_stack_reference_gives_the_outputs_of_another_stack(toy: Toy) -> None:
    """Secrets stay secret, and the reference is a resource that is read in every run."""
    _make_second_stack(toy)
    toy.program(SECOND_PROGRAM)
    assert changes(toy.project.preview()) == {"create": 2}
    result = toy.project.up()
    assert changes(result) == {"create": 2}
    found = {name: (output.value, output.secret) for name, output in result.outputs.items()}
    assert found == {"zone": ("x", False), "password": ({"value": "hush"}, True)}
    reference = toy.project.resource(OTHER)
    assert reference["external"]
    assert reference["outputs"]["secretOutputNames"] == ["password"]
    inputs = toy.project.resource("a")["inputs"]
    assert inputs["zone"] == "x"
    assert is_secret(inputs["secret"])
    assert plain(inputs["secret"]) == {"value": "hush"}
    assert reference["urn"] in toy.project.resource("a")["dependencies"]
    assert changes(toy.project.up()) == {"same": 2}
    assert changes(toy.project.refresh()) == {"same": 3}
    assert changes(toy.project.destroy()) == {"delete": 2, "discard": 1}


def test_removed_stack_reference_is_dropped(toy: Toy) -> None:
    """Nothing happens to the other stack."""
    _make_second_stack(toy)
    toy.program(f'pulumi.StackReference("{OTHER}")')
    toy.project.up()
    toy.program("")
    assert changes(toy.project.preview()) == {"discard": 1, "same": 1}
    assert changes(toy.project.up()) == {"discard": 1, "same": 1}
    assert len(toy.project.resources()) == 1


def test_unknown_stack_fails(toy: Toy) -> None:
    """The error names the stack. The embedded one says how to give its outputs."""
    _make_second_stack(toy)
    toy.program('pulumi.StackReference("organization/other/test")')
    text = toy.project.fails("up")
    assert 'unknown stack "organization/other/test"' in text
    if toy.project.engine == "embedded":
        assert 'stack_references={"organization/other/test": {…}}' in text


def test_outputs_of_a_stack_reference_can_change(toy: Toy) -> None:
    """The next run sees what the other stack exports then."""
    outputs = _make_second_stack(toy)
    toy.program(SECOND_PROGRAM)
    toy.project.up()
    second = toy.project.stack
    if isinstance(second, EmbeddedStack):
        changed = {**outputs, "zone": OutputValue("y", secret=False)}
        second.stack_references = {OTHER: changed}
    else:
        toy.program(FIRST_PROGRAM.replace('"x"', '"y"'))
        Stack.select(STACK_NAME, second.workspace).up()
        toy.program(SECOND_PROGRAM)
    toy.journal()
    assert changes(toy.project.up()) == {"read": 1, "replace": 1, "same": 1}
    assert toy.calls("create", "delete") == ["create a", "delete a-1"]


def test_output_that_is_not_json_is_refused(toy: Toy) -> None:
    """A mistake of the test is named before anything runs."""
    stack = EmbeddedStack("test", toy.project.folder, stack_references={"a": {"x": object()}})
    with pytest.raises(TypeError, match="the output 'x' of a stack reference has a object"):
        stack.preview()


def test_plain_values_can_be_given(toy: Toy) -> None:
    """A test that knows the values needs no other stack."""
    stack = EmbeddedStack(
        "test", toy.project.folder, stack_references={"network": {"subnets": ["a", "b"]}}
    )
    toy.program('pulumi.export("s", pulumi.StackReference("network").get_output("subnets"))')
    assert json.dumps(stack.up().outputs["s"].value) == '["a", "b"]'
