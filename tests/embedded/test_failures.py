"""Failures: what stays in the state, and what is printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.embedded.toy_project import Toy
from tests.engines import changes

CHAIN = """
a = Thing("a", value=1)
b = Thing("b", value=a.generation)
c = Thing("c", value=b.generation)
"""


def names(toy: Toy) -> list[str]:
    """Return the names of the things in the state."""
    return [r["urn"].rpartition("::")[2] for r in toy.project.resources() if r.get("provider")]


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (Toy.fail, "RuntimeError: the cloud refuses to create b"),
        (Toy.crash, "error reading from server: EOF"),
    ],
)
def test_failure_in_the_middle_keeps_what_was_done(
    toy: Toy, happens: Callable[[Toy, str], None], says: str
) -> None:
    """Created resources are in the state, dependents aren't tried, and the next run completes."""
    toy.program(CHAIN)
    happens(toy, "create b")
    text = toy.project.fails("up")
    assert says in text
    assert "error: update failed" in text
    assert toy.calls("create") == ["create a", "create b"]
    assert names(toy) == ["a"]
    toy.mend()
    assert changes(toy.project.up()) == {"create": 2, "same": 2}


def test_failed_update_keeps_the_old_state(toy: Toy) -> None:
    """After a failed update the state has the old inputs."""
    toy.program('Thing("a", value=1)')
    toy.project.up()
    toy.program('Thing("a", value=2)')
    toy.fail("update a")
    toy.project.fails("up")
    assert toy.project.resource("a")["inputs"]["value"] == 1
    toy.mend()
    assert changes(toy.project.up()) == {"update": 1, "same": 1}


def test_failed_delete_after_replacement_is_tried_again(toy: Toy) -> None:
    """The old resource stays in the state, marked for deletion, until it is deleted."""
    toy.program('Thing("a", zone="x")')
    toy.project.up()
    toy.program('Thing("a", zone="y")')
    toy.fail("delete a-1")
    toy.project.fails("up")
    assert [r.get("delete", False) for r in toy.project.resources() if r.get("provider")] == [
        False,
        True,
    ]
    toy.mend()
    toy.journal()
    assert changes(toy.project.up()) == {"same": 2}
    assert toy.calls("delete") == ["delete a-1"]
    assert toy.things() == ["a-2"]


def test_failed_create_after_deletion_is_tried_again(toy: Toy) -> None:
    """A deleted resource stays in the state until its replacement is created."""
    toy.program('Thing("a", zone="x", mode="exclusive")')
    toy.project.up()
    toy.program('Thing("a", zone="y", mode="exclusive")')
    toy.fail("create a")
    toy.project.fails("up")
    assert toy.project.resource("a")["pendingReplacement"] is True
    assert toy.things() == []
    toy.mend()
    toy.journal()
    assert changes(toy.project.up()) == {"replace": 1, "same": 1}
    assert toy.calls("create", "delete") == ["create a"]
    assert toy.things() == ["a-1"]


def test_pending_replacement_is_removed_when_unwanted(toy: Toy) -> None:
    """A resource that was already deleted isn't deleted again."""
    toy.program('Thing("a", zone="x", mode="exclusive")')
    toy.project.up()
    toy.program('Thing("a", zone="y", mode="exclusive")')
    toy.fail("create a")
    toy.project.fails("up")
    toy.mend()
    toy.journal()
    toy.program("")
    toy.project.up()
    assert toy.calls("delete") == []
    assert names(toy) == []


def test_failed_destroy_keeps_dependencies(toy: Toy) -> None:
    """The dependencies of a resource that can't be deleted are kept. The next run continues."""
    toy.program(CHAIN)
    toy.project.up()
    toy.fail("delete b-1")
    assert "the cloud refuses to delete b-1" in toy.project.fails("destroy")
    assert names(toy) == ["a", "b"]
    toy.mend()
    assert changes(toy.project.destroy()) == {"delete": 3}
    assert toy.things() == []


def test_independent_resources_go_on_when_one_fails(toy: Toy) -> None:
    """Those registered at the same time are created, in any order. Dependents aren't."""
    toy.program("""
for name in "abcdefgh":
    thing = Thing(name)
    Thing(f"{name}-dependent", value=thing.generation)
""")
    toy.fail("create d")
    toy.project.fails("up")
    tried = toy.calls("create")
    assert "create d-dependent" not in tried
    # On the real engine this is a race, which the others mostly win.
    if toy.project.engine == "embedded":
        assert {f"create {name}" for name in "abcdefgh"} <= set(tried)


def test_independent_resources_are_deleted_when_one_fails(toy: Toy) -> None:
    """Resources that the failed one doesn't need are deleted."""
    toy.program("for name in 'abcdefgh': Thing(name)")
    toy.project.up()
    toy.fail("delete d-1")
    toy.project.fails("destroy")
    left = toy.things()
    assert "d-1" in left
    if toy.project.engine == "embedded":
        assert left == ["d-1"]


def test_failed_diff_fails_the_run(toy: Toy) -> None:
    """A provider that fails in diff stops the run before the update."""
    toy.program('Thing("a", value=1)')
    toy.project.up()
    toy.program('Thing("a", value=2)')
    toy.fail("diff a")
    for operation in ("preview", "up"):
        assert "the cloud refuses to diff a" in toy.project.fails(operation)
    toy.mend()
    assert changes(toy.project.up()) == {"update": 1, "same": 1}


def test_exception_in_the_program_shows_the_users_frames(toy: Toy) -> None:
    """The traceback starts in the user's program."""
    toy.program('Thing("a")\nraise ValueError("my fault")\n')
    text = toy.project.fails("up")
    assert "error: Program failed with an unhandled exception:" in text
    assert "ValueError: my fault" in text
    assert "__main__.py" in text
    assert "program_main.py" not in text
    assert "runpy" not in text


@pytest.mark.parametrize(
    "program",
    [
        'raise pulumi.RunError("plainly refused")',
        'def refuse(_): raise pulumi.RunError("plainly refused")\nThing("a").id.apply(refuse)',
    ],
)
def test_run_error_is_one_line(toy: Toy, program: str) -> None:
    """A `RunError` prints its message only, also from inside an output."""
    toy.program(program)
    text = toy.project.fails("up")
    assert "error: plainly refused" in text
    assert "Traceback" not in text


def test_program_that_fails_deletes_nothing(toy: Toy) -> None:
    """Resources that a failed program didn't register are kept."""
    toy.program('Thing("a"); pulumi.export("kept", 1)')
    toy.project.up()
    toy.program('raise ValueError("before anything")')
    toy.project.fails("up")
    assert toy.things() == ["a-1"]
    assert toy.project.stack.outputs()["kept"].value == 1


def test_duplicate_name_is_refused(toy: Toy) -> None:
    """Two resources of one type can't have the same name."""
    toy.program('Thing("a"); Thing("a")')
    assert "Duplicate resource URN" in toy.project.fails("preview")


def test_messages_of_program_and_provider_are_shown(toy: Toy) -> None:
    """Printed and logged text is shown with its severity. A logged error doesn't fail the run."""
    toy.program("""
a = Thing("a")
pulumi.log.info("an info")
pulumi.log.warn("a warning", a)
pulumi.log.error("an error")
print("printed")
""")
    text = toy.project.up().stdout
    for line in ("an info", "warning: a warning", "error: an error", "printed", "making a"):
        assert f"    {line}\n" in text
