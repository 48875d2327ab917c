"""Resources that are only looked at (`ResourceOptions(id=…)`)."""

from __future__ import annotations

from tests.engines import changes
from tests.testing.toy_project import Toy

PROGRAM = """
g = Thing("g", opts=ResourceOptions(id="foreign", additional_secret_outputs=["password"]))
a = Thing("a", value=g.value)
pulumi.export("id", g.id)
pulumi.export("value", g.value)
pulumi.export("password", g.password)
"""


def test_get_reads_without_managing(toy: Toy) -> None:
    """A resource that is read is external in the state, and survives a destroy."""
    toy.change("foreign", value=9, password="pw")
    toy.program(PROGRAM)
    result = toy.project.up()
    assert changes(result) == {"create": 2}
    assert (result.outputs["id"].value, result.outputs["value"].value) == ("foreign", 9)
    assert result.outputs["password"].secret
    assert toy.project.resource("g")["external"] is True
    toy.project.destroy()
    assert toy.calls("delete") == ["delete a-1"]
    assert toy.things() == ["foreign"]


def test_get_sees_what_has_changed(toy: Toy) -> None:
    """Every run reads again, a preview too, and dependents change with what is found."""
    toy.change("foreign", value=9, password="pw")
    toy.program(PROGRAM)
    toy.project.up()
    toy.change("foreign", value=10)
    assert changes(toy.project.preview()) == {"read": 1, "update": 1, "same": 1}
    assert changes(toy.project.up()) == {"read": 1, "update": 1, "same": 1}
    toy.change("foreign", value=11)
    assert changes(toy.project.refresh()) == {"update": 1, "same": 2}


def test_get_of_an_unknown_id_waits_for_the_run(toy: Toy) -> None:
    """In a preview nothing is read under an id that doesn't exist yet."""
    toy.program("""
a = Thing("a", value=1)
g = Thing("g", opts=ResourceOptions(id=a.id))
pulumi.export("value", g.value)
""")
    assert changes(toy.project.preview()) == {"create": 2}
    assert toy.calls("read") == []
    assert toy.project.up().outputs["value"].value == 1
    assert toy.calls("read") == ["read a-1"]


def test_read_resource_that_becomes_managed_is_created(toy: Toy) -> None:
    """What was read isn't taken over: another one is made, and the foreign one stays."""
    toy.change("foreign", value=9, password="pw")
    toy.program('Thing("g", opts=ResourceOptions(id="foreign"))')
    toy.project.up()
    toy.program('Thing("g", value=9)')
    assert changes(toy.project.up()) == {"replace": 1, "same": 1}
    assert toy.things() == ["foreign", "g-1"]


def test_managed_resource_that_is_only_read_is_replaced(toy: Toy) -> None:
    """Where a read finds another thing under the name, the old one is deleted."""
    toy.change("foreign", value=9, password="pw")
    toy.program('Thing("g", value=9)')
    toy.project.up()
    toy.program('Thing("g", opts=ResourceOptions(id="foreign"))')
    assert changes(toy.project.up()) == {"replace": 1, "same": 1}
    assert toy.things() == ["foreign"]
