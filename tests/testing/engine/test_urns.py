"""Names of resources, and what they were before."""

from __future__ import annotations

import pytest

from parallel_provider.testing.engine import urns
from parallel_provider.testing.engine.urns import Alias, Namespace

SPACE = Namespace("test", "shop")
ROOT = SPACE.urn(urns.ROOT_TYPE, "shop-test")
GROUP = SPACE.urn("toy:index:Group", "g", ROOT)


def test_urn_names_the_types_of_all_above_but_the_stack() -> None:
    """The stack itself isn't part of the chain of types."""
    assert GROUP == "urn:pulumi:test::shop::toy:index:Group::g"
    inner = SPACE.urn("toy:index:Thing", "t", GROUP)
    assert inner == "urn:pulumi:test::shop::toy:index:Group$toy:index:Thing::t"
    assert (urns.type_of(inner), urns.name_of(inner)) == ("toy:index:Thing", "t")


def test_name_with_colons_is_kept_whole() -> None:
    """A name may hold what separates the parts of a URN."""
    assert urns.name_of(SPACE.urn("toy:index:Thing", "a::b")) == "a::b"


def test_what_is_no_urn_is_refused() -> None:
    """Anything else is an error that says what it was."""
    with pytest.raises(ValueError, match="'plain' is no URN"):
        urns.type_of("plain")


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        (Alias(urn="urn:pulumi:test::shop::x::y"), "urn:pulumi:test::shop::x::y"),
        (Alias(name="old"), "urn:pulumi:test::shop::toy:index:Group$t::old"),
        (Alias(type="u"), "urn:pulumi:test::shop::toy:index:Group$u::new"),
        (Alias(no_parent=True), "urn:pulumi:test::shop::t::new"),
        (Alias(stack="prod", project="other", no_parent=True), "urn:pulumi:prod::other::t::new"),
    ],
)
def test_alias_changes_what_it_names(alias: Alias, name: str) -> None:
    """What an alias leaves open is as it is today."""
    names = urns.earlier_names(
        SPACE, name="new", type_="t", parent=GROUP, aliases=[alias], renamed={}
    )
    assert names == [name]


def test_children_of_a_renamed_parent_were_named_after_it() -> None:
    """A child that carries its parent's name carried the earlier one."""
    before = SPACE.urn("toy:index:Group", "old", ROOT)
    names = urns.earlier_names(
        SPACE, name="g-thing", type_="t", parent=GROUP, aliases=[], renamed={GROUP: before}
    )
    assert names == ["urn:pulumi:test::shop::toy:index:Group$t::old-thing"]
