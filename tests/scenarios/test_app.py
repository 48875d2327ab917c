"""App: created, renamed, deleted at the server, read and destroyed."""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    CREATE_APP,
    DELETE_APP,
    LIST_APPS,
    Console,
    apps_named,
    assert_refused,
    calls,
    declare,
    warnings,
    writes,
)

ONE_APP = """
app = parallel.App("search")
pulumi.export("app_id", app.app_id)
pulumi.export("app_name", app.app_name)
pulumi.export("org_id", app.org_id)
pulumi.export("org_name", app.org_name)
"""


def test_app_created_then_unchanged_then_destroyed(project: Project, emulator: Emulator) -> None:
    """Creation is one POST and one list. A second run makes no request. Destroy deletes the app."""
    declare(project, ONE_APP)

    with calls(emulator) as made:
        preview = project.preview()
    assert changes(preview) == {"create": 2}
    assert made == {}

    with calls(emulator) as made:
        created = project.up()
    assert changes(created) == {"create": 2}
    assert made == {CREATE_APP: 1, LIST_APPS: 1}
    [app] = apps_named(emulator, "search")
    assert {name: output.value for name, output in created.outputs.items()} == {
        "app_id": app["app_id"],
        "app_name": "search",
        "org_id": emulator.org_id,
        "org_name": emulator.state()["org"]["org_name"],
    }
    assert project.resource("search")["id"] == app["app_id"]

    with calls(emulator) as made:
        again = project.up()
    assert changes(again) == {"same": 2}
    assert again.outputs["app_id"].value == app["app_id"]
    assert made == {}

    with calls(emulator) as made:
        destroyed = project.destroy()
    assert changes(destroyed) == {"delete": 2}
    assert made == {DELETE_APP: 1}
    assert apps_named(emulator, "search") == []


def test_rename_of_app_replaces_it_and_its_keys_in_order(
    project: Project, emulator: Emulator
) -> None:
    """Create the new app, create the new key, revoke the old key, delete the old app."""
    program = """
    app = parallel.App("search", app_name={name!r})
    key = parallel.ApiKey("ci", app_id=app.app_id)
    """
    declare(project, program.format(name="search"))
    project.up()
    old_app, old_key = project.resource("search")["id"], project.resource("ci")["id"]

    declare(project, program.format(name="search-2"))
    preview = project.preview()
    with writes(emulator) as made:
        renamed = project.up()

    assert changes(preview) == changes(renamed) == {"replace": 2, "same": 1}
    new_app = project.resource("search")["id"]
    assert new_app != old_app
    assert made == [
        ("POST", "/service/v1/apps"),
        ("POST", f"/service/v1/apps/{new_app}/keys"),
        ("DELETE", f"/service/v1/apps/{old_app}/keys/{old_key}"),
        ("DELETE", f"/service/v1/apps/{old_app}"),
    ]
    assert [app["app_id"] for app in apps_named(emulator, "search-2")] == [new_app]


def test_alias_of_app_and_key_keeps_default_names(project: Project, emulator: Emulator) -> None:
    """After a rename in the program, an app and a key keep their names at the server."""
    declare(project, 'app = parallel.App("search")\nparallel.ApiKey("ci", app_id=app.app_id)')
    project.up()
    app, key = project.resource("search"), project.resource("ci")

    declare(
        project,
        """
        def was(name):
            return pulumi.ResourceOptions(aliases=[pulumi.Alias(name=name)])

        app = parallel.App("find", opts=was("search"))
        parallel.ApiKey("pipeline", app_id=app.app_id, opts=was("ci"))
        """,
    )
    with calls(emulator) as made:
        renamed = project.up()
        again = project.up()

    assert changes(renamed) == changes(again) == {"same": 3}
    assert made == {}
    assert project.resource("find")["id"] == app["id"]
    assert project.resource("find")["outputs"]["app_name"] == "search"
    assert project.resource("pipeline")["id"] == key["id"]
    assert project.resource("pipeline")["outputs"]["api_key_name"] == "ci"


def test_name_taken_out_of_the_program_stays(project: Project, emulator: Emulator) -> None:
    """The names that an app and a key were given stay: nothing that lives is replaced.

    A key that is replaced for another reason has the resource's name then.
    """
    declare(
        project,
        """
        app = parallel.App("search", app_name="catalogue")
        parallel.ApiKey("ci", app_id=app.app_id, api_key_name="nightly")
        """,
    )
    project.up()
    app, key = project.resource("search"), project.resource("ci")

    declare(project, 'app = parallel.App("search")\nparallel.ApiKey("ci", app_id=app.app_id)')
    with calls(emulator) as made:
        again = project.up()

    assert changes(again) == {"same": 3}
    assert made == {}
    assert project.resource("search")["outputs"] == app["outputs"]
    assert project.resource("ci")["outputs"] == key["outputs"]

    replacing = 'parallel.ApiKey("ci", app_id=app.app_id, triggers=2)'
    declare(project, f'app = parallel.App("search")\n{replacing}')
    assert changes(project.up()) == {"same": 2, "replace": 1}
    assert project.resource("ci")["outputs"]["api_key_name"] == "ci"


def test_app_deleted_behind_our_back_is_recreated_after_refresh(
    project: Project, emulator: Emulator
) -> None:
    """The refresh finds both gone with one list, and the next up creates both again."""
    declare(
        project,
        'app = parallel.App("search")\nkey = parallel.ApiKey("ci", app_id=app.app_id)',
    )
    project.up()
    old_app = project.resource("search")["id"]
    Console(emulator).delete_app(old_app)

    with calls(emulator) as made:
        refreshed = project.refresh()
    assert changes(refreshed) == {"delete": 2, "same": 1}
    assert made == {LIST_APPS: 1}

    repaired = project.up()
    assert changes(repaired) == {"create": 2, "same": 1}
    assert [app["app_id"] for app in apps_named(emulator, "search")] != [old_app]


def test_destroy_of_what_is_gone_already_succeeds(project: Project, emulator: Emulator) -> None:
    """If the server doesn't have the resources any more, the state ends up empty."""
    declare(
        project,
        'app = parallel.App("search")\nkey = parallel.ApiKey("ci", app_id=app.app_id)',
    )
    project.up()
    Console(emulator).delete_app(project.resource("search")["id"])

    destroyed = project.destroy()

    assert changes(destroyed) == {"delete": 3}
    assert project.resources() == []
    assert warnings(destroyed.stdout) == []


def test_get_reads_an_app_without_managing_it(project: Project, emulator: Emulator) -> None:
    """An app that exists can get keys, and destroy doesn't delete it."""
    existing = Console(emulator).create_app("search")
    declare(
        project,
        f"""
        app = parallel.App.get("shared", "{existing}")
        parallel.ApiKey("ci", app_id=app.app_id)
        pulumi.export("app_name", app.app_name)
        pulumi.export("org_id", app.org_id)
        """,
    )

    created = project.up()
    assert created.outputs["app_name"].value == "search"
    assert created.outputs["org_id"].value == emulator.org_id
    [key] = emulator.state()["keys"]
    assert key["app_id"] == existing
    # The SDK reads it again in each run. The key doesn't change.
    assert project.up().outputs["app_name"].value == "search"
    assert project.resource("ci")["id"] == key["api_key_id"]

    with writes(emulator) as made:
        project.destroy()
    assert made == [("DELETE", f"/service/v1/apps/{existing}/keys/{key['api_key_id']}")]


def test_bad_inputs_of_app_are_refused_all_at_once(project: Project, emulator: Emulator) -> None:
    """Each problem is one line that names the input, and no request is made."""
    declare(
        project,
        'parallel.App("search", app_name=" ", adopt_existing="yes", existing_app_id="nope")',
    )

    with calls(emulator) as made:
        text = project.fails("preview")

    assert made == {}
    for name in ("app_name", "adopt_existing", "existing_app_id"):
        assert_refused(project, text, f"has a problem: {name} must", resource="search")
    declare(project, 'parallel.App("search", app_name=5, existing_app_id=["a"])')
    text = project.fails("preview")
    for words in ("app_name must be text, not a number", "existing_app_id must be a UUID"):
        assert_refused(project, text, f"has a problem: {words}", resource="search")


def test_app_is_created_without_a_name_of_the_organization(
    project: Project, emulator: Emulator
) -> None:
    """The official client allows such an answer. A later refresh finds the name."""
    declare(project, 'app = parallel.App("search")\npulumi.export("name", app.org_name)')
    unnamed = {"apps.0.org_name": "null"}
    emulator.add_fault("odd", method="GET", path="/service/v1/apps", replace=unnamed, times=2)

    assert project.up().outputs["name"].value == ""
    emulator.clear_faults()

    assert changes(project.refresh()) == {"same": 2}
    assert project.resource("search")["outputs"]["org_name"] == "Example Organization"
    assert len(apps_named(emulator, "search")) == 1
