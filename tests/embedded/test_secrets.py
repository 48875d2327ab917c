"""Secrets stay secret: in outputs, in the state and in printed text."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import is_secret, plain


def test_nested_secrets_make_the_whole_property_secret(toy: Toy) -> None:
    """A property with a secret inside is secret."""
    toy.program("""
a = Thing("a", secret={"list": [1, Output.secret("two"), {"three": 3}], "open": 4})
b = Thing("b", value=a.secret["list"])
pulumi.export("nested", a.secret)
""")
    outputs = toy.project.up().outputs
    assert outputs["nested"].value == {"list": [1, "two", {"three": 3}], "open": 4}
    assert is_secret(toy.project.resource("b")["outputs"]["value"])
    assert plain(toy.project.resource("b")["outputs"]["value"]) == [1, "two", {"three": 3}]
    assert toy.project.up(expect_no_changes=True)


def test_secrets_are_masked_in_what_is_printed(toy: Toy) -> None:
    """Neither outputs nor messages show a secret of the configuration."""
    toy.project.config("toy:token", "s3cret-token", secret=True)
    toy.program("""
token = pulumi.Config("toy").require_secret("token")
pulumi.export("token", token)
pulumi.log.info("the token is " + pulumi.Config("toy").require("token"))
""")
    printed: list[str] = []
    result = toy.project.up(on_output=printed.append)
    assert "s3cret-token" not in result.stdout + "".join(printed)
    assert "the token is [secret]" in result.stdout
