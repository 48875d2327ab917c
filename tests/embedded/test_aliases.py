"""Aliases that conflict with other resources."""

from __future__ import annotations

import pytest

from tests.embedded.toy_project import Toy

ALIASED = 'd = Thing("d", opts=ResourceOptions(aliases=[Alias(name="a")]))\n'
THING = "urn:pulumi:test::scenario::pulumi-python:dynamic/toy:Thing::"


@pytest.fixture
def with_a(toy: Toy) -> Toy:
    """Return a project whose stack has the resource `a`."""
    toy.program('Thing("a")')
    toy.project.up()
    toy.journal()
    return toy


def test_alias_of_a_resource_registered_later_is_refused(with_a: Toy) -> None:
    """The later resource finds its URN taken over. Nothing is created or deleted."""
    with_a.program(ALIASED + 'Thing("a", opts=ResourceOptions(depends_on=[d]))')
    text = f"Duplicate resource URN '{THING}a' conflicting with alias on resource with URN"
    for operation in ("preview", "up"):
        assert f"{text} '{THING}d'" in with_a.project.fails(operation)
    assert with_a.calls("create", "delete") == []
    assert with_a.things() == ["a-1"]


def test_alias_of_a_resource_registered_earlier_is_refused(with_a: Toy) -> None:
    """A resource can't take over one that the program still has."""
    with_a.program("""
a = Thing("a")
Thing("d", opts=ResourceOptions(aliases=[Alias(name="a")], depends_on=[a]))
""")
    text = f"Duplicate resource alias '{THING}a' applied to resource with URN '{THING}d'"
    for operation in ("preview", "up"):
        assert text in with_a.project.fails(operation)
    assert with_a.calls() == ["check a", "diff a-1", "check d"] * 2
    assert with_a.things() == ["a-1"]


def test_same_alias_on_two_resources_is_refused(with_a: Toy) -> None:
    """Only the first of them takes the resource over."""
    with_a.program(
        ALIASED + 'Thing("e", opts=ResourceOptions(aliases=[Alias(name="a")], depends_on=[d]))'
    )
    text = f"Duplicate resource alias '{THING}a' applied to resource with URN '{THING}e'"
    assert f"{text} conflicting with resource with URN '{THING}d'" in with_a.project.fails("up")
    assert with_a.calls("create", "update", "delete") == ["update a-1"]
    assert with_a.project.resource("d")["id"] == "a-1"


def test_aliases_of_a_missing_resource_do_not_conflict(toy: Toy) -> None:
    """An alias counts only if the state has a resource of that name."""
    toy.program(
        ALIASED + 'Thing("e", opts=ResourceOptions(aliases=[Alias(name="a")], depends_on=[d]))'
    )
    for _ in range(2):
        toy.project.up()
    assert toy.things() == ["d-1", "e-1"]


def test_alias_is_not_in_the_exported_state(with_a: Toy) -> None:
    """The state has the new URN only."""
    with_a.program(ALIASED)
    with_a.project.up()
    assert "aliases" not in with_a.project.resource("d")
