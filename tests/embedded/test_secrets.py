"""Secrets stay secret: in outputs, in the state and in printed text."""

from __future__ import annotations

from tests.embedded.toy_project import Toy
from tests.engines import is_secret, plain


def test_secret_inputs_stay_secret_in_state_and_outputs(toy: Toy) -> None:
    """The provider gets plain text. An output with the name of a secret input is secret."""
    toy.program("""
a = Thing("a", value=1, secret=Output.secret("hush"))
pulumi.export("secret", a.secret)
pulumi.export("derived", a.secret.apply(lambda text: text.upper()))
pulumi.export("open", a.value)
""")
    outputs = toy.project.up().outputs
    assert (outputs["secret"].value, outputs["secret"].secret) == ("hush", True)
    assert (outputs["derived"].value, outputs["derived"].secret) == ("HUSH", True)
    assert (outputs["open"].value, outputs["open"].secret) == (1, False)
    thing = toy.project.resource("a")
    for side in ("inputs", "outputs"):
        assert is_secret(thing[side]["secret"])
        assert plain(thing[side]["secret"]) == "hush"
    assert [c["news"]["secret"] for c in toy.journal() if c["op"] == "create"] == ["hush"]


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


def test_additional_secret_outputs_survive_updates_and_refreshes(toy: Toy) -> None:
    """An additional secret output is secret after every operation."""
    options = 'opts=ResourceOptions(additional_secret_outputs=["password"])'
    toy.program(f'pulumi.export("pw", Thing("a", value=1, {options}).password)')
    assert toy.project.up().outputs["pw"].secret
    toy.program(f'pulumi.export("pw", Thing("a", value=2, {options}).password)')
    assert toy.project.up().outputs["pw"].secret
    toy.project.refresh()
    assert plain(toy.project.resource("a")["outputs"]["password"]) == "pw-a-1"
    assert is_secret(toy.project.resource("a")["outputs"]["password"])


def test_config_reaches_program_and_provider(toy: Toy) -> None:
    """Both read the stack's configuration, secrets included."""
    toy.project.config("toy:token", "s3cret-token", secret=True)
    toy.project.config("plain", "open")
    toy.program("""
a = Thing("a", value=pulumi.Config("toy").require_secret("token"))
pulumi.export("token", a.value)
pulumi.export("plain", pulumi.Config().require("plain"))
""")
    outputs = toy.project.up().outputs
    assert (outputs["token"].value, outputs["token"].secret) == ("s3cret-token", True)
    assert outputs["plain"].value == "open"
    assert toy.journal()[0] == {"op": "configure", "plain": "open", "token": "s3cret-token"}


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
