"""Resources that are only read (`ResourceOptions(id=…)`)."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes

PROGRAM = """
g = Thing("g", opts=ResourceOptions(id="foreign", additional_secret_outputs=["password"]))
a = Thing("a", value=g.value)
pulumi.export("id", g.id)
pulumi.export("value", g.value)
pulumi.export("password", g.password)
"""


def test_get_reads_without_managing(toy: Toy) -> None:
    """Every run reads again, previews too, and updates dependents. Destroy doesn't delete it."""
    toy.change("foreign", value=9, password="pw")
    toy.program(PROGRAM)
    result = toy.project.up()
    assert changes(result) == {"create": 2}
    assert (result.outputs["id"].value, result.outputs["value"].value) == ("foreign", 9)
    assert result.outputs["password"].secret
    assert toy.project.resource("g")["external"] is True
    toy.change("foreign", value=10)
    assert changes(toy.project.preview()) == {"read": 1, "update": 1, "same": 1}
    assert changes(toy.project.up()) == {"read": 1, "update": 1, "same": 1}
    toy.change("foreign", value=11)
    assert changes(toy.project.refresh()) == {"update": 1, "same": 2}
    toy.journal()
    toy.project.destroy()
    assert toy.calls("delete") == ["delete a-1"]
    assert toy.things() == ["foreign"]


def test_id_of_a_read_resource_is_unknown_in_a_preview(toy: Toy) -> None:
    """Its other outputs are known, because the preview reads it."""
    toy.change("foreign", value=9, password="pw")
    toy.program("""
g = Thing("g", opts=ResourceOptions(id="foreign"))
a = Thing("a", value=g.id)
b = Thing("b", value=g.value)
""")
    toy.project.up()
    toy.journal()
    assert changes(toy.project.preview()) == {"update": 1, "same": 2}
    checked = {c["news"]["label"]: c["news"]["value"] for c in toy.journal() if c["op"] == "check"}
    assert checked == {"a": "<unknown>", "b": 9}


def test_get_of_an_unknown_id_waits_for_the_run(toy: Toy) -> None:
    """A preview doesn't read an unknown id."""
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
    """A new resource is created, and the one that was read stays."""
    toy.change("foreign", value=9, password="pw")
    toy.program('Thing("g", opts=ResourceOptions(id="foreign"))')
    toy.project.up()
    toy.program('Thing("g", value=9)')
    assert changes(toy.project.up()) == {"replace": 1, "same": 1}
    assert toy.things() == ["foreign", "g-1"]


def test_managed_resource_that_is_only_read_is_replaced(toy: Toy) -> None:
    """The old resource is deleted, and the one that is read stays."""
    toy.change("foreign", value=9, password="pw")
    toy.program('Thing("g", value=9)')
    toy.project.up()
    toy.program('Thing("g", opts=ResourceOptions(id="foreign"))')
    assert changes(toy.project.up()) == {"replace": 1, "same": 1}
    assert toy.things() == ["foreign"]
