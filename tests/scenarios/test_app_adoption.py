"""App: an existing app is adopted, and the user is informed."""

from __future__ import annotations

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    CREATE_APP,
    LIST_APPS,
    NO_SUCH_APP,
    Console,
    apps_named,
    assert_refused,
    calls,
    declare,
    warnings,
)


def test_adopt_by_name_takes_over_the_one_app(project: Project, emulator: Emulator) -> None:
    """If there is one app of the name, it is managed from now on, and none is created."""
    existing = Console(emulator).create_app("search")
    declare(project, 'parallel.App("search", adopt_existing=True)')

    with calls(emulator) as made:
        project.up()

    assert project.resource("search")["id"] == existing
    assert made == {LIST_APPS: 1}
    assert changes(project.up()) == {"same": 2}


def test_adopt_by_name_creates_where_there_is_none(project: Project, emulator: Emulator) -> None:
    """The apps are listed again just before, because another run may have created one."""
    declare(project, 'parallel.App("search", adopt_existing=True)')

    with calls(emulator) as made:
        project.up()

    assert made == {LIST_APPS: 2, CREATE_APP: 1}
    assert len(apps_named(emulator, "search")) == 1


def test_adopt_by_name_refuses_where_there_are_several(
    project: Project, emulator: Emulator
) -> None:
    """Nobody can guess which app is meant. The error lists the ids."""
    console = Console(emulator)
    ids = [console.create_app("search"), console.create_app("search")]
    declare(project, 'parallel.App("search", adopt_existing=True)')

    text = project.fails("up")

    assert_refused(
        project, text, "2 apps are named 'search'", *ids, "existing_app_id", resource="search"
    )
    assert len(apps_named(emulator, "search")) == 2


def test_adopt_by_name_refuses_an_app_that_another_resource_has(
    project: Project, emulator: Emulator
) -> None:
    """Two resources can't manage one app: deleting either would delete it for both."""
    Console(emulator).create_app("search")
    declare(
        project,
        """
        first = parallel.App("a", app_name="search", adopt_existing=True)
        parallel.App("b", app_name="search", adopt_existing=True,
                     opts=pulumi.ResourceOptions(depends_on=[first]))
        """,
    )

    text = project.fails("up")

    assert_refused(project, text, "belongs to another resource", "declare it once", resource="b")


def test_adopt_by_id_takes_over_exactly_that_app(project: Project, emulator: Emulator) -> None:
    """Among apps of one name, the id decides. Upper and lower case are the same."""
    console = Console(emulator)
    console.create_app("search")
    wanted = console.create_app("search")
    declare(project, f'parallel.App("search", existing_app_id="{wanted.upper()}")')

    project.up()

    assert project.resource("search")["id"] == wanted
    assert changes(project.up()) == {"same": 2}


def test_adopt_by_id_refuses_what_is_not_there(project: Project) -> None:
    """The error names the missing app's id, and says how to find the right one."""
    declare(project, f'parallel.App("search", existing_app_id="{NO_SUCH_APP}")')

    text = project.fails("up")

    assert_refused(
        project, text, NO_SUCH_APP, "no app", "`parallel-provider apps`", resource="search"
    )


def test_adopt_by_id_refuses_another_name(project: Project, emulator: Emulator) -> None:
    """An app of another name is probably the wrong app."""
    existing = Console(emulator).create_app("billing")
    declare(project, f'parallel.App("search", existing_app_id="{existing}")')

    text = project.fails("up")

    assert_refused(project, text, "'billing'", "not 'search'", "set app_name", resource="search")


def test_adoption_inputs_of_a_managed_app_change_nothing(
    project: Project, emulator: Emulator
) -> None:
    """They matter only when the resource is created, and for its deletion: it stays then."""
    declare(project, 'parallel.App("search")')
    project.up()
    app_id = project.resource("search")["id"]

    declare(
        project, f'parallel.App("search", adopt_existing=True, existing_app_id="{NO_SUCH_APP}")'
    )
    with calls(emulator) as made:
        changed = project.up()

    assert changes(changed) == {"update": 1, "same": 1}
    assert made == {}
    assert project.resource("search")["id"] == app_id
    project.destroy()
    assert [app["app_id"] for app in apps_named(emulator, "search")] == [app_id]


def test_adoption_is_told_in_preview_and_in_up(project: Project, emulator: Emulator) -> None:
    """Each prints one line with the id and the effect of destroy. Later runs print nothing."""
    existing = Console(emulator).create_app("prod")
    declare(project, 'parallel.App("search", app_name="prod", adopt_existing=True)')
    told = f"App {existing} ('prod') exists already, and this stack adopts it"

    with calls(emulator) as made:
        preview = project.preview()
    assert made == {LIST_APPS: 1}
    created = project.up()

    for run in (preview, created):
        diagnostics = run.stdout.partition("Diagnostics:")[2]
        [line] = [line for line in diagnostics.splitlines() if told in line]
        assert "`pulumi destroy` revokes the keys of this stack and leaves the app" in line
    assert told not in project.up().stdout
    assert "exists already" not in project.preview().stdout


def test_adoption_of_what_is_not_there_says_nothing(project: Project, emulator: Emulator) -> None:
    """The preview shows a creation, and up creates the app."""
    declare(project, 'parallel.App("search", adopt_existing=True)')

    said = project.preview().stdout + project.up().stdout

    assert "exists already" not in said
    assert len(apps_named(emulator, "search")) == 1


def test_preview_of_an_adoption_without_a_sign_in_cannot_tell(project: Project) -> None:
    """A preview needs no sign-in, even if an app will be adopted."""
    del project.env["PARALLEL_ACCESS_TOKEN"]
    declare(project, 'parallel.App("search", adopt_existing=True)')

    preview = project.preview()

    assert changes(preview) == {"create": 2}
    assert "Whether App 'search' adopts an app that exists already can't be told" in (
        preview.stdout
    )


def test_preview_of_an_adoption_without_a_list_cannot_tell(
    project: Project, emulator: Emulator
) -> None:
    """The preview succeeds even if the list fails."""
    emulator.add_fault("status", method="GET", path="/service/v1/apps", status=403, times=99)
    declare(project, 'parallel.App("search", adopt_existing=True)')

    preview = project.preview()

    assert changes(preview) == {"create": 2}
    assert "can't be told" in preview.stdout
    assert "403" in preview.stdout


def test_preview_of_an_adoption_by_an_unknown_id_cannot_tell(project: Project) -> None:
    """An output of another new resource isn't known in the preview."""
    declare(
        project,
        """
        first = parallel.App("first")
        parallel.App("search", existing_app_id=first.app_id)
        """,
    )

    assert "isn't known before `pulumi up`" in project.preview().stdout


def test_preview_of_an_adoption_that_cannot_be_done_warns(
    project: Project, emulator: Emulator
) -> None:
    """If `up` will fail, the preview says so."""
    console = Console(emulator)
    ids = [console.create_app("search"), console.create_app("search")]
    declare(project, 'parallel.App("search", adopt_existing=True)')

    preview = project.preview()

    [told] = warnings(preview.stdout)
    assert "As things stand, App 'search' can't be created: 2 apps are named 'search'" in told
    assert all(app_id in told for app_id in ids)


def test_lost_answer_takes_no_app_of_another_stack(project: Project, emulator: Emulator) -> None:
    """Another stack creates an app of the same name while the answer to our creation is lost."""
    declare(
        project,
        """
        import json, os, urllib.request

        def another_stack(_):
            request = urllib.request.Request(
                os.environ["PARALLEL_SERVICE_API_URL"] + "/service/v1/apps",
                json.dumps({"app_name": "search"}).encode(),
                {
                    "Authorization": "Bearer " + os.environ["PARALLEL_ACCESS_TOKEN"],
                    "Content-Type": "application/json",
                },
            )
            return json.load(urllib.request.urlopen(request))["app_id"]

        first = parallel.App("first")
        theirs = first.app_id.apply(another_stack)
        parallel.App("search", app_name=theirs.apply(lambda _: "search"))
        pulumi.export("theirs", theirs)
        """,
    )
    # First our app, then the other stack's app, then the app whose answer is lost.
    emulator.add_fault("status", method="POST", path="/service/v1/apps", status=502, after=2)

    created = project.up()

    theirs, ours = created.outputs["theirs"].value, project.resource("search")["id"]
    assert {app["app_id"] for app in apps_named(emulator, "search")} == {theirs, ours}
    assert theirs != ours
    [told] = warnings(created.stdout)
    assert f"The one that counts is {ours}. New under that name: {theirs}." in told
    project.destroy()
    assert [app["app_id"] for app in apps_named(emulator, "search")] == [theirs]


def test_plain_app_of_a_second_stack_says_nothing_of_the_first(
    project: Project, emulator: Emulator
) -> None:
    """Names needn't be unique, and the other app belongs to another stack."""
    other = Console(emulator).create_app("search")
    declare(project, 'parallel.App("search")')

    created = project.up()

    assert other not in created.stdout
    assert "delete" not in created.stdout
