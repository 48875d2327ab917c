"""Create, keep, update, replace and delete, in the right order."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes

CHAIN = """
a = Thing("a", zone="{zone}")
b = Thing("b", zone=a.password)
c = Thing("c", value=a.password)
"""


def test_up_creates_in_the_order_of_dependencies(toy: Toy) -> None:
    """A dependent is created after its dependency, with its outputs as inputs."""
    toy.program("""
a = Thing("a", value=1)
b = Thing("b", value=a.generation)
c = Thing("c", value=b.id)
pulumi.export("last", c.value)
""")
    result = toy.project.up()
    assert changes(result) == {"create": 4}
    assert result.outputs["last"].value == "b-1"
    assert toy.calls("create") == ["create a", "create b", "create c"]
    assert toy.things() == ["a-1", "b-1", "c-1"]


def test_up_keeps_or_updates_in_place(toy: Toy) -> None:
    """A run without changes calls check and diff only. An update gets the old outputs."""
    toy.program('Thing("a", value=1)')
    toy.project.up()
    toy.journal()
    assert changes(toy.project.up(expect_no_changes=True)) == {"same": 2}
    _configure, check, diff = toy.journal()
    inputs = {"label": "a", "value": 1, "zone": "a"}
    assert check == {"op": "check", "olds": inputs, "news": inputs}
    outputs = inputs | {"generation": 1, "password": "pw-a-1"}
    assert diff == {"op": "diff", "id": "a-1", "olds": outputs, "news": inputs}

    toy.program('pulumi.export("generation", Thing("a", value=2).generation)')
    result = toy.project.up()
    assert changes(result) == {"update": 1, "same": 1}
    assert result.outputs["generation"].value == 2
    update = toy.journal()[-1]
    assert (update["op"], update["id"]) == ("update", "a-1")
    assert update["olds"]["password"] == "pw-a-1"
    assert update["news"] == {"label": "a", "value": 2, "zone": "a"}


def test_replacement_creates_first_and_deletes_last(toy: Toy) -> None:
    """All replacements and updates come before the deletions, dependents first."""
    toy.program(CHAIN.format(zone="x"))
    toy.project.up()
    toy.journal()
    toy.program(CHAIN.format(zone="y"))
    assert changes(toy.project.preview()) == {"replace": 2, "update": 1, "same": 1}
    toy.journal()
    assert changes(toy.project.up()) == {"replace": 2, "update": 1, "same": 1}
    calls = toy.calls("create", "update", "delete")
    assert calls[0] == "create a"
    assert sorted(calls[1:3]) == ["create b", "update c-1"]
    assert calls[3:] == ["delete b-1", "delete a-1"]
    assert toy.things() == ["a-2", "b-2", "c-1"]


def test_replacement_is_checked_again_without_olds(toy: Toy) -> None:
    """The inputs of a replacement are checked without the old inputs."""
    toy.program('Thing("a", zone="x")')
    toy.project.up()
    toy.journal()
    toy.program('Thing("a", zone="y")')
    toy.project.up()
    checks = [call["olds"] for call in toy.journal() if call["op"] == "check"]
    assert checks == [{"label": "a", "zone": "x"}, {}]


def test_resources_removed_from_the_program_are_deleted_in_reverse_order(toy: Toy) -> None:
    """Dependents are deleted first."""
    toy.program(CHAIN.format(zone="x") + 'Thing("other")')
    toy.project.up()
    toy.journal()
    toy.program('Thing("other")')
    assert changes(toy.project.up()) == {"delete": 3, "same": 2}
    calls = toy.calls("delete")
    assert sorted(calls[:2]) == ["delete b-1", "delete c-1"]
    assert calls[2:] == ["delete a-1"]


def test_destroy_deletes_in_reverse_order_without_the_program(toy: Toy) -> None:
    """Destroy uses only the state, and leaves it empty."""
    toy.program("""
a = Thing("a")
Thing("b", opts=ResourceOptions(depends_on=[a]))
""")
    toy.project.up()
    toy.journal()
    toy.project.write("raise RuntimeError('this program must not run')")
    assert changes(toy.project.destroy()) == {"delete": 3}
    assert toy.calls() == ["delete b-1", "delete a-1"]
    assert toy.project.resources() == []
    assert changes(toy.project.destroy()) == {}


def test_independent_resources_are_created_in_parallel(toy: Toy) -> None:
    """Independent resources don't wait for each other."""
    toy.program("""
for name in "abcd":
    Thing(name, meets=4)
""")
    assert changes(toy.project.up(parallel=4)) == {"create": 5}


def test_parallel_of_one_creates_one_at_a_time(toy: Toy) -> None:
    """`parallel` limits the number of steps that run at once."""
    toy.project.env["TOY_MEETING_SECONDS"] = "0.5"
    toy.program("""
for name in "ab":
    Thing(name, meets=2)
""")
    assert "the others never came" in toy.project.fails("up", parallel=1)
