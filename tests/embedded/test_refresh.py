"""Refresh: changed resources and deleted resources."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import changes

PROGRAM = """
a = Thing("a", value=1)
b = Thing("b", value=a.generation)
"""


def test_refresh_reads_then_diffs(toy: Toy) -> None:
    """Read gets the old outputs. Diff compares the result with the inputs."""
    toy.program('Thing("a", value=1)')
    toy.project.up()
    toy.journal()
    assert changes(toy.project.refresh()) == {"same": 2}
    _configure, read, diff = toy.journal()
    outputs = {"label": "a", "value": 1, "zone": "a", "generation": 1, "password": "pw-a-1"}
    assert read == {"op": "read", "id": "a-1", "props": outputs}
    assert (diff["olds"], diff["news"]) == (outputs, {"label": "a", "value": 1, "zone": "a"})


def test_refresh_saves_drift_and_up_repairs_it(toy: Toy) -> None:
    """A change made elsewhere is saved in the state, and the next run reverts it."""
    toy.program(PROGRAM)
    toy.project.up()
    toy.change("a-1", value=77)
    assert changes(toy.project.stack.preview_refresh()) == {"update": 1, "same": 2}
    assert toy.project.resource("a")["outputs"]["value"] == 1
    assert changes(toy.project.refresh()) == {"update": 1, "same": 2}
    assert toy.project.resource("a")["outputs"]["value"] == 77
    assert changes(toy.project.up()) == {"update": 2, "same": 1}


def test_refresh_removes_deleted_resources_and_up_creates_them(toy: Toy) -> None:
    """A deleted resource leaves the state, and so do the dependencies on it."""
    toy.program(PROGRAM)
    toy.project.up()
    toy.remove("a-1")
    assert changes(toy.project.refresh()) == {"delete": 1, "same": 2}
    assert [r["urn"].split("::")[-1] for r in toy.project.resources()][-1:] == ["b"]
    assert "dependencies" not in toy.project.resource("b")
    assert changes(toy.project.up()) == {"create": 1, "same": 2}
    assert toy.things() == ["a-1", "b-1"]


def test_refresh_that_fails_for_one_reads_the_others(toy: Toy) -> None:
    """The resource that can't be read stays as it was, and the operation fails."""
    toy.program(PROGRAM)
    toy.project.up()
    toy.change("a-1", value=77)
    toy.change("b-1", value=77)
    toy.fail("read a-1")
    assert "the cloud refuses to read a-1" in toy.project.fails("refresh")
    assert toy.project.resource("a")["outputs"]["value"] == 1
    assert toy.project.resource("b")["outputs"]["value"] == 77


def test_up_with_refresh_refreshes_first(toy: Toy) -> None:
    """One provider process refreshes and then updates."""
    toy.program(PROGRAM)
    toy.project.up()
    toy.journal()
    toy.remove("a-1")
    assert changes(toy.project.up(refresh=True)) == {"create": 1, "same": 2}
    calls = toy.journal()
    assert [call["op"] for call in calls].count("configure") == 1
    assert toy.things() == ["a-1", "b-1"]
