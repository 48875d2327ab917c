"""Previews: which values are known, what is printed, and that nothing changes."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes


def test_preview_creates_nothing(toy: Toy) -> None:
    """A preview calls check, creates nothing and leaves the state empty."""
    toy.program('Thing("a")')
    assert changes(toy.project.preview()) == {"create": 2}
    assert toy.calls() == ["check a"]
    assert toy.things() == []
    assert toy.project.resources() == []


def test_preview_passes_unknowns_to_check_and_diff(toy: Toy) -> None:
    """Outputs of a resource to create or to update are unknown."""
    toy.program("""
a = Thing("a", value=1)
Thing("b", value=a.generation)
""")
    toy.project.preview()
    assert toy.journal()[-1]["news"]["value"] == "<unknown>"
    toy.project.up()
    toy.journal()
    toy.program("""
a = Thing("a", value=2)
Thing("b", value=a.generation)
""")
    assert changes(toy.project.preview()) == {"update": 2, "same": 1}
    diff = toy.journal()[-1]
    assert (diff["op"], diff["id"], diff["news"]["value"]) == ("diff", "b-1", "<unknown>")


def test_preview_knows_unchanged_outputs(toy: Toy) -> None:
    """Outputs of unchanged resources are known, and the ids of updated ones."""
    toy.program("""
a = Thing("a", value=1)
b = Thing("b", value=2)
""")
    toy.project.up()
    toy.journal()
    toy.program("""
a = Thing("a", value=1)
b = Thing("b", value=3)
c = Thing("c", value=a.password)
d = Thing("d", value=b.id)
""")
    toy.project.preview()
    checked = {c["news"]["label"]: c["news"]["value"] for c in toy.journal() if c["op"] == "check"}
    assert (checked["c"], checked["d"]) == ("pw-a-1", "b-1")


def test_program_is_told_that_it_is_a_preview(toy: Toy) -> None:
    """The program can read organization, project, stack and whether it is a preview."""
    toy.program("""
import pulumi.runtime
pulumi.log.info(" ".join([
    pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack(),
    str(pulumi.runtime.is_dry_run()),
]))
""")
    assert "organization scenario test True" in toy.project.preview().stdout
    assert "organization scenario test False" in toy.project.up().stdout


def test_preview_of_destroy_deletes_nothing(toy: Toy) -> None:
    """A preview of a destroy counts the deletions."""
    toy.program('Thing("a")')
    toy.project.up()
    assert changes(toy.project.stack.preview_destroy()) == {"delete": 2}
    assert toy.things() == ["a-1"]
