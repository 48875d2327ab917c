"""Native plugins: they get from the embedded stack what Pulumi's engine sends."""

from __future__ import annotations

from tests.embedded.shelf_project import Shelf
from tests.engines import changes, is_secret, plain

PASSWORD = {"<secret>": "pw"}


def test_life_of_a_resource(shelf: Shelf) -> None:
    """Checked, created, kept, updated, replaced, refreshed and deleted."""
    shelf.program("""
thing = Thing("a", value=1)
pulumi.export("serial", thing.serial)
pulumi.export("password", thing.password)
""")
    created = shelf.project.up()
    assert changes(created) == {"create": 2}
    assert created.outputs["serial"].value == 1
    assert created.outputs["password"].value == "pw-a-1"
    assert created.outputs["password"].secret
    check, create = shelf.journal("check", "create")[-2:]
    assert check == {"op": "check", "name": "a", "olds": {}, "news": {"value": 1.0}}
    assert create["news"] == {"value": 1.0, "zone": "north"}

    assert changes(shelf.project.up()) == {"same": 2}
    check, diff = shelf.journal("check", "diff", "update")[-2:]
    assert check["olds"] == diff["news"] == {"value": 1.0, "zone": "north"}
    assert diff["olds"]["password"] == "pw-a-1"

    shelf.program('Thing("a", value=2)')
    assert changes(shelf.project.up())["update"] == 1
    [update] = [call for call in shelf.journal("update") if not call["preview"]]
    assert (update["olds"]["value"], update["news"]["value"]) == (1.0, 2.0)

    shelf.program('Thing("a", value=2, zone="south")')
    assert changes(shelf.project.up())["replace"] == 1
    assert shelf.things() == ["a-2"]

    assert changes(shelf.project.refresh()) == {"same": 2}
    (shelf.folder / "a-2.json").unlink()
    assert changes(shelf.project.refresh())["delete"] == 1
    assert changes(shelf.project.destroy()) == {"delete": 1}


def test_default_provider_has_the_configuration_of_its_package(shelf: Shelf) -> None:
    """Without the namespace, with its secrets, and not that of other packages."""
    shelf.project.config("shelf:color", "red", secret=True)
    shelf.project.config("other:color", "blue")
    shelf.program('pulumi.export("color", Thing("a").color)')

    result = shelf.project.up()

    assert result.outputs["color"].value == "red"
    [check] = shelf.journal("checkConfig")[-1:]
    assert check == {
        "op": "checkConfig",
        "name": "default",
        "olds": {},
        "news": {"color": "red"},
    }
    default = shelf.project.resource("default")
    assert default["type"] == "pulumi:providers:shelf"
    assert is_secret(default["inputs"]["color"])
    assert shelf.project.resource("a")["provider"] == f"{default['urn']}::{default['id']}"


def test_refresh_and_destroy_use_the_configuration_of_the_state(shelf: Shelf) -> None:
    """What has been configured since then is in the environment of the plugin alone."""
    shelf.project.config("shelf:color", "red")
    shelf.program('Thing("a")')
    shelf.project.up()
    shelf.project.config("shelf:color", "blue")

    for operation in (shelf.project.refresh, shelf.project.destroy):
        shelf.journal()
        operation()
        [*_, configured] = shelf.journal("configure")
        assert configured["args"] == {"color": "red"}
        assert configured["environment"] == {"color": "blue"}


def test_changed_configuration_updates_the_default_provider(shelf: Shelf) -> None:
    """It keeps its id, and nothing else changes."""
    shelf.project.config("shelf:color", "red")
    shelf.program('Thing("a")')
    shelf.project.up()
    before = shelf.project.resource("default")
    shelf.project.config("shelf:color", "blue")

    assert changes(shelf.project.up()) == {"same": 2}

    after = shelf.project.resource("default")
    assert (after["id"], after["inputs"]) == (before["id"], {"color": "blue"})
    assert shelf.journal("configure")[-1]["args"] == {"color": "blue"}


def test_explicit_providers_have_their_own_configuration(shelf: Shelf) -> None:
    """One program uses several, also for functions; a new region replaces, a new color doesn't."""
    program = """
red = Provider("red", color="red", region={region!r})
blue = Provider("blue", color={blue!r})
thing = Thing("a", opts=ResourceOptions(provider=red))
Thing("b", opts=ResourceOptions(parent=thing, provider=blue))
pulumi.export("colors", [thing.color, count(opts=InvokeOptions(provider=blue))["color"]])
"""
    shelf.program(program.format(region="east", blue="blue"))
    result = shelf.project.up()
    assert changes(result) == {"create": 5}
    assert result.outputs["colors"].value == ["red", "blue"]

    shelf.program(program.format(region="east", blue="azure"))
    assert changes(shelf.project.up()) == {"same": 4, "update": 1}

    shelf.program(program.format(region="west", blue="azure"))
    assert changes(shelf.project.up())["replace"] == 2
    shelf.journal()
    shelf.project.destroy()
    colors = {call["id"]: call["color"] for call in shelf.journal("delete")}
    assert colors == {"a-2": "red", "b-1": "azure"}


def test_change_of_the_provider_replaces_only_if_its_plugin_says_so(shelf: Shelf) -> None:
    """From the default provider to an explicit one: the plugin compares the two."""
    shelf.program('Thing("a")')
    shelf.project.up()
    shelf.program('Thing("a", opts=ResourceOptions(provider=Provider("p", color="red")))')
    assert changes(shelf.project.up()) == {"create": 1, "same": 2}
    shelf.program('Thing("a", opts=ResourceOptions(provider=Provider("q", region="east")))')
    assert changes(shelf.project.up()) == {"create": 1, "replace": 1, "delete": 1, "same": 1}


def test_preview_asks_the_plugin_what_will_be_known(shelf: Shelf) -> None:
    """A dependent sees known outputs, and unknowns where the plugin knows nothing."""
    shelf.program('a = Thing("a", value=1)\nThing("b", value=a.zone, zone=a.serial)')

    assert changes(shelf.project.preview()) == {"create": 3}

    creates = {call["name"]: call for call in shelf.journal("create")}
    assert creates["b"]["news"] == {"value": "north", "zone": "<unknown>"}
    assert creates["a"]["preview"]
    assert shelf.things() == []


def test_provider_with_unknown_configuration_is_not_called_in_a_preview(shelf: Shelf) -> None:
    """What it would answer is unknown; the run itself configures it."""
    shelf.program("""
a = Thing("a")
late = Provider("late", color=a.serial.apply(str))
b = Thing("b", value=1, opts=ResourceOptions(provider=late))
Thing("c", value=b.value)
""")
    assert changes(shelf.project.preview()) == {"create": 5}
    calls = {call["name"]: call["news"] for call in shelf.journal("check", "create")}
    assert "b" not in calls
    assert calls["c"]["value"] == "<unknown>"

    shelf.project.up()
    assert shelf.project.resource("b")["outputs"]["color"] == "1"
    assert changes(shelf.project.up()) == {"same": 5}


def test_resource_whose_last_step_failed_is_kept_and_updated(shelf: Shelf) -> None:
    """It stays in the state with its errors. The next run updates it, and clears them."""
    (shelf.folder / "unready-a").touch()
    shelf.program('Thing("a", value=1)')
    text = shelf.project.fails("up")
    assert "it wobbles" in text
    thing = shelf.project.resource("a")
    assert (thing["id"], thing["initErrors"]) == ("a-1", ["it wobbles"])
    assert plain(thing["outputs"]["password"]) == "pw-a-1"

    shelf.journal()
    assert "it wobbles" in shelf.project.fails("up")
    assert [call["op"] for call in shelf.journal("diff", "update")] == ["diff", "update"]
    assert shelf.things() == ["a-1"]
    (shelf.folder / "unready-a").unlink()
    assert changes(shelf.project.up()) == {"same": 1, "update": 1}
    assert "initErrors" not in shelf.project.resource("a")
    assert changes(shelf.project.up()) == {"same": 2}


def test_functions_return_or_fail(shelf: Shelf) -> None:
    """A failure ends the program with the plugin's reason."""
    shelf.program('Thing("a")\npulumi.export("count", count(zone="north")["count"])')
    assert shelf.project.up().outputs["count"].value == 0
    assert shelf.project.up().outputs["count"].value == 1

    for zone, reason in {"bad": "it is bad", "broken": "the shelf is broken"}.items():
        shelf.program(f"count(zone={zone!r})")
        assert reason in shelf.project.fails("up")


def test_import_takes_over_what_exists(shelf: Shelf) -> None:
    """Unchanged if the program says the same, else updated; what isn't there is an error."""
    shelf.put("a-1", value=1, zone="north")
    shelf.put("b-1", value=1, zone="north")
    shelf.program("""
Thing("a", value=1, opts=ResourceOptions(import_="a-1"))
Thing("b", value=2, opts=ResourceOptions(import_="b-1"))
""")
    assert changes(shelf.project.preview()) == {"create": 1, "import": 2, "update": 1}
    assert changes(shelf.project.up()) == {"create": 1, "import": 2, "update": 1}
    [*_, read] = shelf.journal("read")
    assert not read["has_state"]
    assert shelf.project.resource("a")["importID"] == "a-1"
    assert shelf.project.resource("b")["outputs"]["value"] == 2
    assert changes(shelf.project.up()) == {"same": 3}

    shelf.program('Thing("c", opts=ResourceOptions(import_="c-1"))')
    assert "resource 'c-1' does not exist" in shelf.project.fails("up")


def test_secrets_reach_the_plugin_plain_and_stay_secret(shelf: Shelf) -> None:
    """A plugin that doesn't accept secrets gets plain values; the state has them as secrets."""
    shelf.program('Thing("a", value=pulumi.Output.secret("hidden"))')
    shelf.project.up()
    assert shelf.journal("create")[-1]["news"]["value"] == "hidden"
    thing = shelf.project.resource("a")
    assert is_secret(thing["inputs"]["value"])
    assert is_secret(thing["outputs"]["value"])
    assert is_secret(thing["outputs"]["password"])


def test_plugin_that_accepts_secrets_gets_them_marked(shelf: Shelf) -> None:
    """What it doesn't mark again isn't a secret any more, as it says so itself."""
    shelf.project.env["SHELF_ACCEPTS_SECRETS"] = "1"
    shelf.program('Thing("a", value=pulumi.Output.secret("hidden"))')
    shelf.project.up()
    sent = shelf.journal("create")[-1]["news"]["value"]
    assert sent["value"] == "hidden"
    assert is_secret(shelf.project.resource("a")["outputs"]["value"])


def test_version_of_a_resource_makes_a_default_provider_of_its_own(shelf: Shelf) -> None:
    """As generated SDKs ask for their version."""
    shelf.program('Thing("a", opts=ResourceOptions(version="1.2.3-rc.1"))')
    shelf.project.up()
    default = shelf.project.resource("default_1_2_3_rc_1")
    assert default["inputs"] == {"version": "1.2.3-rc.1", "__internal": {}}
    assert default["outputs"] == {"version": "1.2.3-rc.1"}
    assert shelf.journal("configure")[-1]["args"] == {"version": "1.2.3-rc.1"}


def test_failed_check_of_a_provider_ends_the_run(shelf: Shelf) -> None:
    """Its error is shown once, and nothing is created."""
    shelf.project.config("shelf:color", "bad")
    shelf.program('Thing("a")\nThing("b")')
    text = shelf.project.fails("up")
    assert text.count("color must not be bad") == 2  # when it happens, and below
    assert shelf.things() == []


def test_replace_on_changes_uses_what_the_plugin_says(shelf: Shelf) -> None:
    """A detailed diff names the input that changed."""
    options = 'opts=ResourceOptions(replace_on_changes=["value"])'
    shelf.program(f'Thing("a", value=1, {options})')
    shelf.project.up()
    shelf.program(f'Thing("a", value=2, {options})')
    assert changes(shelf.project.up())["replace"] == 1
