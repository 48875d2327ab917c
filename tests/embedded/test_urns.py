"""URNs of resources, and of their aliases."""

from __future__ import annotations

import pytest

from pulumi_embedded import urns
from pulumi_embedded.urns import Alias, Namespace

SPACE = Namespace("test", "shop")
ROOT = SPACE.urn(urns.ROOT_TYPE, "shop-test")
GROUP = SPACE.urn("toy:index:Group", "g", ROOT)


def test_urn_has_the_types_of_the_parents() -> None:
    """The type of the stack isn't in the URN."""
    assert GROUP == "urn:pulumi:test::shop::toy:index:Group::g"
    inner = SPACE.urn("toy:index:Thing", "t", GROUP)
    assert inner == "urn:pulumi:test::shop::toy:index:Group$toy:index:Thing::t"
    assert (urns.type_of(inner), urns.name_of(inner)) == ("toy:index:Thing", "t")


def test_name_may_contain_colons() -> None:
    """A name may contain the separator of a URN."""
    assert urns.name_of(SPACE.urn("toy:index:Thing", "a::b")) == "a::b"


def test_text_that_is_no_urn_is_refused() -> None:
    """The error quotes the text."""
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
def test_alias_replaces_the_parts_that_it_has(alias: Alias, name: str) -> None:
    """Parts that an alias doesn't set are those of the current URN."""
    names = urns.alias_urns(SPACE, name="new", type_="t", parent=GROUP, aliases=[alias], renamed={})
    assert names == [name]


def test_child_inherits_the_alias_of_its_parent() -> None:
    """If the child's name starts with the parent's name, that part changes too."""
    before = SPACE.urn("toy:index:Group", "old", ROOT)
    names = urns.alias_urns(
        SPACE, name="g-thing", type_="t", parent=GROUP, aliases=[], renamed={GROUP: before}
    )
    assert names == ["urn:pulumi:test::shop::toy:index:Group$t::old-thing"]
