"""Components and parents."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes, is_secret

COMPONENT = """
class Group(pulumi.ComponentResource):
    def __init__(self, name, size=1, opts=None):
        super().__init__("toy:index:Group", name, {"size": size}, opts)
        self.thing = Thing(f"{name}-thing", value=size, opts=ResourceOptions(parent=self))
        self.register_outputs({"id": self.thing.id, "size": Output.secret(size)})
"""


def test_component_holds_its_children_and_outputs(toy: Toy) -> None:
    """The state has the component with its outputs, and its children below it."""
    toy.program(COMPONENT + 'Group("g")')
    assert changes(toy.project.up()) == {"create": 3}
    group = toy.project.resource("g")
    assert group["custom"] is False
    assert group["outputs"]["id"] == "g-thing-1"
    assert is_secret(group["outputs"]["size"])
    thing = toy.project.resource("g-thing")
    assert thing["parent"] == group["urn"]
    assert "toy:index:Group$pulumi-python:dynamic/toy:Thing" in thing["urn"]


def test_changed_component_is_updated(toy: Toy) -> None:
    """A component with changed inputs is updated."""
    toy.program(COMPONENT + 'Group("g")')
    toy.project.up()
    toy.program(COMPONENT + 'Group("g", size=2)')
    assert changes(toy.project.up()) == {"update": 2, "same": 1}


def test_component_ignores_changes(toy: Toy) -> None:
    """A component with `ignore_changes` stays the same, and its new inputs are saved."""
    program = COMPONENT.replace('{"size": size}, opts', '{"size": [size]}, opts')
    program = program.replace("value=size, ", "")
    options = 'opts=ResourceOptions(ignore_changes=["size"])'
    toy.program(program + f'Group("g", size=1, {options})')
    toy.project.up()
    toy.program(program + f'Group("g", size=2, {options})')
    for operation in ("preview", "up"):
        assert changes(getattr(toy.project, operation)()) == {"same": 3}
    assert toy.project.resource("g")["inputs"] == {"size": [2]}


def test_alias_of_component_is_inherited_by_its_children(toy: Toy) -> None:
    """A child whose name starts with its parent's name is found by the earlier name."""
    toy.program(COMPONENT + 'Group("g")')
    toy.project.up()
    toy.journal()
    toy.program(COMPONENT + 'Group("h", opts=ResourceOptions(aliases=[Alias(name="g")]))')
    toy.project.up()
    assert toy.calls("create", "delete") == []
    assert toy.things() == ["g-thing-1"]
    assert toy.project.resource("h-thing")["id"] == "g-thing-1"


def test_moving_below_a_parent_with_an_alias_keeps_the_resource(toy: Toy) -> None:
    """An alias can say that there was no parent."""
    toy.program(COMPONENT + 'Group("g"); Thing("a")')
    toy.project.up()
    toy.journal()
    toy.program(
        COMPONENT
        + 'Thing("a", opts=ResourceOptions(parent=Group("g"), aliases=[Alias(parent=None)]))'
    )
    assert changes(toy.project.up()) == {"same": 4}
    assert toy.calls("create", "delete") == []


def test_children_inherit_protection(toy: Toy) -> None:
    """`protect` of a component protects its children."""
    toy.program(COMPONENT + 'Group("g", opts=ResourceOptions(protect=True))')
    toy.project.up()
    assert toy.project.resource("g-thing")["protect"] is True
    assert "because it is protected" in toy.project.fails("destroy")
    assert toy.things() == ["g-thing-1"]


def test_dependents_of_a_component_are_deleted_before_its_children(toy: Toy) -> None:
    """A dependent of a component depends on all its children."""
    toy.program(COMPONENT + 'Thing("a", opts=ResourceOptions(depends_on=[Group("g")]))')
    toy.project.up()
    toy.project.destroy()
    assert toy.calls("delete") == ["delete a-1", "delete g-thing-1"]
