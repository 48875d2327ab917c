"""URNs of resources, and of their aliases."""

from __future__ import annotations

import pytest

from pulumi_embedded import urns
from pulumi_embedded.urns import Alias, Namespace

SPACE = Namespace("test", "shop")
ROOT = SPACE.urn(urns.ROOT_TYPE, "shop-test")
GROUP = SPACE.urn("toy:index:Group", "g", ROOT)


def test_name_may_contain_colons() -> None:
    """A name may contain the separator of a URN."""
    assert urns.name_of(SPACE.urn("toy:index:Thing", "a::b")) == "a::b"


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
