"""ApiKey: created, replaced and revoked, and its raw key stays secret."""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes, is_secret, plain
from tests.scenarios.story import (
    CREATE_KEY,
    DELETE_KEY,
    LIST_APPS,
    NO_SUCH_APP,
    Console,
    assert_fails,
    assert_no_secret,
    assert_refused,
    calls,
    declare,
    live_keys,
    raw_keys,
    stored_text,
    warnings,
    writes,
)

APP_AND_KEY = """
app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id, triggers={triggers})
"""


def test_key_is_created_with_all_that_the_server_says(project: Project, emulator: Emulator) -> None:
    """Every output has the server's value, and a preview works with an unknown app id."""
    declare(
        project,
        """
        app = parallel.App("search")
        key = parallel.ApiKey("ci", app_id=app.app_id)
        names = ["api_key_id", "api_key_name", "app_id", "app_name", "org_id",
                 "created_by_user_email", "display_value", "created_at"]
        pulumi.export("key", {name: getattr(key, name) for name in names})
        """,
    )
    with calls(emulator) as made:
        assert changes(project.preview()) == {"create": 3}
    assert made == {}

    created = project.up()

    [key] = live_keys(emulator)
    said = created.outputs["key"].value
    assert said.pop("display_value") == f"...{raw_keys(project)[0][-4:]}"
    assert said == {
        "api_key_id": key["api_key_id"],
        "api_key_name": "ci",
        "app_id": project.resource("search")["id"],
        "app_name": "search",
        "org_id": emulator.org_id,
        "created_by_user_email": "person@example.com",
        "created_at": key["created_at"],
    }
    assert project.resource("ci")["id"] == key["api_key_id"]


def test_raw_key_is_a_secret_wherever_it_goes(project: Project) -> None:
    """Exported, inside another value, or in another resource: it is never in plain text."""
    declare(
        project,
        """
        app = parallel.App("search")
        key = parallel.ApiKey("ci", app_id=app.app_id,
                              opts=pulumi.ResourceOptions(additional_secret_outputs=["app_name"]))
        parallel.ApiKey("other", app_id=app.app_id, triggers={"after": key.raw_api_key})
        pulumi.export("raw_api_key", key.raw_api_key)
        pulumi.export("header", pulumi.Output.format("Bearer {0}", key.raw_api_key))
        pulumi.export("settings", {"url": "https://example.com", "key": key.raw_api_key})
        print("a program may print anything but the key, such as", key.raw_api_key)
        """,
    )
    said = project.up()
    again = project.up()
    seen = project.refresh()

    [raw, other] = raw_keys(project)
    assert raw != other
    assert said.outputs["raw_api_key"].value == raw
    assert said.outputs["raw_api_key"].secret
    assert said.outputs["header"].value == f"Bearer {raw}"
    assert said.outputs["header"].secret
    assert said.outputs["settings"].value["key"] == raw
    assert changes(again) == {"same": 4}
    for text in (said.stdout, again.stdout, seen.stdout, stored_text(project)):
        assert_no_secret(project, text)
    assert is_secret(project.resource("ci")["outputs"]["raw_api_key"])
    # The user's `additional_secret_outputs` are kept beside ours.
    assert is_secret(project.resource("ci")["outputs"]["app_name"])


def test_triggers_make_a_new_key_before_the_old_one_is_revoked(
    project: Project, emulator: Emulator
) -> None:
    """Both keys work until dependents have the new one. Then the old one is revoked."""
    program = """
    app = parallel.App("search")
    key = parallel.ApiKey("ci", app_id=app.app_id, triggers={{"quarter": "{quarter}"}})
    user = parallel.ApiKey("user", app_id=app.app_id, triggers=key.api_key_id)
    """
    declare(project, program.format(quarter="2026Q3"))
    project.up()
    app, old_key = project.resource("search")["id"], project.resource("ci")["id"]
    old_user, [old_raw, _] = project.resource("user")["id"], raw_keys(project)

    declare(project, program.format(quarter="2026Q4"))
    with writes(emulator) as made:
        replaced = project.up()

    assert changes(replaced) == {"replace": 2, "same": 2}
    keys = f"/service/v1/apps/{app}/keys"
    assert made == [
        ("POST", keys),
        ("POST", keys),
        ("DELETE", f"{keys}/{old_user}"),
        ("DELETE", f"{keys}/{old_key}"),
    ]
    assert [key["api_key_id"] for key in live_keys(emulator)] == [
        project.resource("ci")["id"],
        project.resource("user")["id"],
    ]
    assert raw_keys(project)[0] != old_raw


def test_triggers_of_any_shape_make_no_perpetual_difference(
    project: Project, emulator: Emulator
) -> None:
    """None, empty, nested, numbers, outputs and secrets: a second run finds nothing to do."""
    declare(
        project,
        """
        app = parallel.App("search")
        for number, triggers in enumerate([
            None, "", 0, 0.1, 1e15, True, [], {}, [None], {"a": None},
            [[{"a": [1, 2.0, None, {"b": {}}]}], False], ("a", 1), "Grüße\\n\\0",
            app.org_id, {"a": [app.app_id]}, pulumi.Output.secret("hush-hush"),
            {"a": [pulumi.Output.secret("hush-hush"), 1]},
        ]):
            parallel.ApiKey(f"key-{number}", app_id=app.app_id, triggers=triggers)
        """,
    )
    project.up()

    with calls(emulator) as made:
        assert changes(project.up()) == {"same": 19}
    assert made == {}
    assert "hush-hush" not in stored_text(project)


def test_raw_key_survives_refresh_and_every_later_run(project: Project, emulator: Emulator) -> None:
    """The server can't return it again, so no operation may remove it."""
    declare(project, APP_AND_KEY.format(triggers=None))
    project.up()
    before = project.resource("ci")

    with calls(emulator) as made:
        refreshed = project.refresh()
        again = project.up()

    assert changes(refreshed) == changes(again) == {"same": 3}
    assert made == {LIST_APPS: 1}
    assert plain(before["outputs"]["raw_api_key"])
    assert project.resource("ci")["outputs"] == before["outputs"]


def test_key_for_an_app_that_is_gone_is_refused(project: Project, emulator: Emulator) -> None:
    """Until a refresh, the state still has an app that was deleted. The error says so."""
    declare(project, APP_AND_KEY.format(triggers=None))
    project.up()
    app = project.resource("search")["id"]
    Console(emulator).delete_app(app)

    declare(project, APP_AND_KEY.format(triggers="'new'"))
    assert_fails(project, "up", f"no app {app}", "`pulumi refresh`", resource="ci")
    assert emulator.state()["requests"][CREATE_KEY] == 2

    project.refresh()
    assert changes(project.up()) == {"create": 2, "same": 1}
    assert len(live_keys(emulator)) == 1


def test_key_of_an_app_of_somebody_else_is_refused(project: Project, emulator: Emulator) -> None:
    """The app's id must belong to an app of this organization."""
    declare(project, f'parallel.ApiKey("ci", app_id="{NO_SUCH_APP}")')

    assert_fails(project, "up", f"no app {NO_SUCH_APP}", "organization", resource="ci")
    assert emulator.state()["keys"] == []


def test_bad_inputs_of_key_are_refused_all_at_once(project: Project, emulator: Emulator) -> None:
    """A common mistake is the app's name in place of its id. The line says what is expected."""
    declare(project, 'parallel.ApiKey("ci", app_id="search", api_key_name="")')

    with calls(emulator) as made:
        text = project.fails("preview")

    assert made == {}
    assert_refused(project, text, "a problem: app_id must be", "UUID", resource="ci")
    assert_refused(project, text, "a problem: api_key_name must", "empty or blank", resource="ci")


def test_key_revoked_behind_our_back_can_still_be_destroyed(
    project: Project, emulator: Emulator
) -> None:
    """Destroy succeeds if the key is already revoked."""
    declare(project, APP_AND_KEY.format(triggers=None))
    project.up()
    Console(emulator).delete_key(project.resource("search")["id"], project.resource("ci")["id"])

    with calls(emulator) as made:
        destroyed = project.destroy()

    assert changes(destroyed) == {"delete": 3}
    # After the 404, the list of apps is read once, to check the organization.
    assert made[DELETE_KEY] == made[LIST_APPS] == 1
    assert live_keys(emulator) == []


def test_lost_answer_makes_one_more_key_and_a_warning(project: Project, emulator: Emulator) -> None:
    """The state doesn't have the first key, so the warning says which key counts and what to do."""
    emulator.add_fault("drop_after", method="POST", path="/service/v1/apps/{app_id}/keys")
    declare(project, APP_AND_KEY.format(triggers=None))

    created = project.up()

    key = project.resource("ci")["id"]
    [stray, counting] = live_keys(emulator)
    assert counting["api_key_id"] == key != stray["api_key_id"]
    [warning] = warnings(created.stdout)
    for words in ("'ci'", project.resource("search")["id"], key, "revoke"):
        assert words in warning
    assert_no_secret(project, created.stdout)


def test_key_by_its_id_alone_is_refused_in_words(project: Project) -> None:
    """The API can't read keys, so `ResourceOptions(id=…)` can't work. The error explains that."""
    declare(
        project,
        f"""
        parallel.ApiKey("ci", app_id="{NO_SUCH_APP}", opts=pulumi.ResourceOptions(id="some-key"))
        """,
    )

    text = assert_fails(project, "preview", "can't be read by its id", resource="ci")
    assert "bug" not in text
