"""Resource options."""

from __future__ import annotations

import pytest

from tests.embedded.toy_project import Toy
from tests.engines import changes


def test_protect_refuses_deletion_until_it_is_removed(toy: Toy) -> None:
    """Destroy deletes the other resources and fails."""
    toy.program('Thing("a", opts=ResourceOptions(protect=True)); Thing("b")')
    toy.project.up()
    text = toy.project.fails("destroy")
    assert "cannot be deleted" in text
    assert "because it is protected" in text
    assert toy.things() == ["a-1"]
    toy.program('Thing("a")')
    assert changes(toy.project.up()) == {"same": 2}
    assert changes(toy.project.destroy()) == {"delete": 2}


def test_protect_refuses_replacement(toy: Toy) -> None:
    """A protected resource isn't replaced. The preview fails too."""
    toy.program('Thing("a", zone="x", opts=ResourceOptions(protect=True))')
    toy.project.up()
    toy.program('Thing("a", zone="y", opts=ResourceOptions(protect=True))')
    for operation in ("preview", "up"):
        text = toy.project.fails(operation)
        assert "unable to replace resource" in text
        assert "currently marked for protection" in text
    assert toy.things() == ["a-1"]


def test_destroy_deletes_what_a_protected_dependent_refused_to_leave(toy: Toy) -> None:
    """After a replacement that a protected dependent refused, destroy deletes the old resource.

    The dependent itself and the new resource are kept. In production this means: if the old
    resource is an app, the keys in it are lost, protected ones too.
    """
    program = """
a = Thing("a", zone="{zone}")
b = Thing("b", zone=a.password, opts=ResourceOptions(protect=True))
"""
    toy.program(program.format(zone="x"))
    toy.project.up()
    toy.program(program.format(zone="y"))
    assert "currently marked for protection" in toy.project.fails("up")
    assert toy.things() == ["a-1", "a-2", "b-1"]
    toy.journal()
    assert "because it is protected" in toy.project.fails("destroy")
    assert toy.calls("delete") == ["delete a-1"]
    assert toy.things() == ["a-2", "b-1"]


def test_destroy_deletes_all_old_resources_below_a_protected_one(toy: Toy) -> None:
    """Indirect dependencies of the protected resource are deleted too, if they were replaced."""
    program = """
a = Thing("a", zone="{zone}")
b = Thing("b", zone=a.password)
c = Thing("c", zone=b.password, opts=ResourceOptions(protect=True))
"""
    toy.program(program.format(zone="x"))
    toy.project.up()
    toy.program(program.format(zone="y"))
    toy.project.fails("up")
    toy.journal()
    toy.project.fails("destroy")
    assert toy.calls("delete") == ["delete b-1", "delete a-1"]
    assert toy.things() == ["a-2", "b-2", "c-1"]


def test_ignore_changes_keeps_old_values(toy: Toy) -> None:
    """The provider gets the old value of an ignored property, nested ones too."""
    program = """
Thing("a", value={{"x": {x}, "y": [{x}, 2]}}, mode="lazy",
      opts=ResourceOptions(ignore_changes=["value.x", "value.y[0]"]))
Thing("b", zone="{x}", opts=ResourceOptions(ignore_changes=["zone"]))
"""
    toy.program(program.format(x=1))
    toy.project.up()
    toy.program(program.format(x=7))
    assert changes(toy.project.up()) == {"same": 3}
    assert toy.project.resource("a")["inputs"]["value"] == {"x": 1, "y": [1, 2]}


def test_ignore_changes_of_an_empty_path_ignores_nothing(toy: Toy) -> None:
    """An empty path isn't the path of all properties."""
    program = 'Thing("a", value={value}, opts=ResourceOptions(ignore_changes=[""]))'
    toy.program(program.format(value=1))
    toy.project.up()
    toy.program(program.format(value=2))
    assert changes(toy.project.up()) == {"update": 1, "same": 1}


def test_unknown_diff_is_compared_by_the_engine(toy: Toy) -> None:
    """If the provider doesn't compare, any changed input is an update. A secret mark is none."""
    toy.program('Thing("a", value=1, mode="lazy")')
    toy.project.up()
    assert changes(toy.project.up()) == {"same": 2}
    toy.program('Thing("a", value=Output.secret(1), mode="lazy")')
    assert changes(toy.project.up()) == {"same": 2}
    toy.program('Thing("a", value=2, mode="lazy")')
    assert changes(toy.project.up()) == {"update": 1, "same": 1}


def test_replace_on_changes_replaces_what_it_names(toy: Toy) -> None:
    """Changes that the engine finds at the named paths replace the resource."""
    program = """
for name, path in {{"a": "value.x", "b": "value.y"}}.items():
    Thing(name, value={{"x": {x}, "y": 1}}, mode="lazy",
          opts=ResourceOptions(replace_on_changes=[path]))
"""
    toy.program(program.format(x=1))
    toy.project.up()
    toy.program(program.format(x=2))
    assert changes(toy.project.up()) == {"replace": 1, "update": 1, "same": 1}
    assert toy.things() == ["a-2", "b-1"]


def test_delete_before_replace_deletes_replaced_dependents_first(toy: Toy) -> None:
    """Dependents that are replaced too are deleted first. Others are only updated."""
    program = """
a = Thing("a", zone="{zone}", opts=ResourceOptions(delete_before_replace=True))
b = Thing("b", zone=a.password)
c = Thing("c", value=a.password)
"""
    toy.program(program.format(zone="x"))
    toy.project.up()
    toy.journal()
    toy.program(program.format(zone="y"))
    assert changes(toy.project.preview()) == {"replace": 2, "update": 1, "same": 1}
    toy.journal()
    # A password depends on the id, and the id is free again: c finds nothing changed.
    assert changes(toy.project.up()) == {"replace": 2, "same": 2}
    calls = toy.calls("create", "update", "delete")
    assert calls == ["delete b-1", "delete a-1", "create a", "create b"]


def test_two_delete_before_replace_roots_diff_a_dependent_once(toy: Toy) -> None:
    """A dependent that is deleted because of the first root isn't compared for the second."""
    program = """
a = Thing("a", zone="{zone}", opts=ResourceOptions(delete_before_replace=True))
b = Thing("b", zone="{zone}", opts=ResourceOptions(delete_before_replace=True, depends_on=[a]))
c = Thing("c", zone=Output.concat(a.password, b.password))
"""
    toy.program(program.format(zone="x"))
    toy.project.up()
    toy.program(program.format(zone="y"))
    toy.journal()
    for operation in ("preview", "up"):
        getattr(toy.project, operation)()
        assert toy.calls("diff") == ["diff a-1", "diff c-1", "diff b-1"]


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        ("", ["delete a-1", "create a"]),
        ("opts=ResourceOptions(delete_before_replace=False)", ["create a", "delete a-1"]),
    ],
)
def test_provider_decides_what_is_deleted_first_unless_the_program_does(
    toy: Toy, options: str, calls: list[str]
) -> None:
    """The program's option overrides the provider's."""
    toy.program(f'Thing("a", zone="x", mode="exclusive", {options})')
    toy.project.up()
    toy.journal()
    toy.program(f'Thing("a", zone="y", mode="exclusive", {options})')
    toy.project.up()
    assert toy.calls("create", "delete") == calls


def test_retain_on_delete_leaves_the_thing(toy: Toy) -> None:
    """A retained resource is removed from the state only."""
    toy.program('Thing("a", opts=ResourceOptions(retain_on_delete=True))')
    toy.project.up()
    assert changes(toy.project.destroy()) == {"delete": 2}
    assert toy.calls("delete") == []
    assert toy.things() == ["a-1"]


@pytest.mark.parametrize(
    "alias",
    ['"urn:pulumi:test::scenario::pulumi-python:dynamic/toy:Thing::old"', 'Alias(name="old")'],
)
def test_alias_renames_without_a_provider_call(toy: Toy, alias: str) -> None:
    """A resource found by its alias stays the same resource, for its dependents too."""
    toy.program("""
a = Thing("old", value=1, mode="lazy")
b = Thing("b", value=a.password)
""")
    toy.project.up()
    toy.journal()
    toy.program(f"""
a = Thing("new", value=1, mode="lazy",
          opts=ResourceOptions(aliases=[{alias}], ignore_changes=["label"]))
b = Thing("b", value=a.password)
""")
    assert changes(toy.project.up()) == {"same": 3}
    assert toy.things() == ["b-1", "old-1"]
    (dependency,) = toy.project.resource("b")["dependencies"]
    assert dependency.endswith("::new")


def test_custom_timeouts_are_kept(toy: Toy) -> None:
    """Timeouts are saved in the state, in seconds."""
    timeouts = 'pulumi.CustomTimeouts(create="5m", delete="1h30m")'
    toy.program(f'Thing("a", opts=ResourceOptions(custom_timeouts={timeouts}))')
    toy.project.up()
    assert toy.project.resource("a")["customTimeouts"] == {"create": 300, "delete": 5400}


def test_depends_on_orders_without_inputs(toy: Toy) -> None:
    """`depends_on` sets the order of creation and deletion."""
    toy.program("""
b = Thing("b", takes=0.2)
a = Thing("a", opts=ResourceOptions(depends_on=[b]))
""")
    toy.project.up()
    assert toy.calls("create") == ["create b", "create a"]
    toy.project.destroy()
    assert toy.calls("delete") == ["delete a-1", "delete b-1"]


def test_transformations_run_in_the_program(toy: Toy) -> None:
    """They are functions of the SDK, which the engine doesn't see."""
    toy.program("""
def change(args):
    return pulumi.ResourceTransformationResult({**args.props, "value": 7}, args.opts)

Thing("a", opts=ResourceOptions(transformations=[change]))
""")
    toy.project.up()
    assert toy.project.resource("a")["inputs"]["value"] == 7
