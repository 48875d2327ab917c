"""App: one that exists already is taken over, and the user is told."""

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
    writes,
)


def test_adopt_by_name_takes_over_the_one_app(project: Project, emulator: Emulator) -> None:
    """With one app of the name, that one is managed from now on, and none is created."""
    existing = Console(emulator).create_app("search")
    declare(project, 'parallel.App("search", adopt_existing=True)')

    with calls(emulator) as made:
        project.up()

    assert project.resource("search")["id"] == existing
    assert made == {LIST_APPS: 1}
    assert changes(project.up()) == {"same": 2}


def test_adopt_by_name_creates_where_there_is_none(project: Project, emulator: Emulator) -> None:
    """It is created then, between two looks at whether another run does the same meanwhile."""
    declare(project, 'parallel.App("search", adopt_existing=True)')

    with calls(emulator) as made:
        project.up()

    assert made == {LIST_APPS: 3, CREATE_APP: 1}
    assert len(apps_named(emulator, "search")) == 1


def test_adopt_by_name_refuses_where_there_are_several(
    project: Project, emulator: Emulator
) -> None:
    """Which of two is meant can't be guessed: the error gives the ids to choose from."""
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
    """One app can't be two resources: deleting either would delete both."""
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

    assert_refused(project, text, "already taken over", "declare it once", resource="b")


def test_adopt_by_id_takes_over_exactly_that_app(project: Project, emulator: Emulator) -> None:
    """The id decides among apps of one name, and its letters' case doesn't matter."""
    console = Console(emulator)
    console.create_app("search")
    wanted = console.create_app("search")
    declare(project, f'parallel.App("search", existing_app_id="{wanted.upper()}")')

    project.up()

    assert project.resource("search")["id"] == wanted
    assert changes(project.up()) == {"same": 2}


def test_adopt_by_id_refuses_what_is_not_there(project: Project) -> None:
    """A missing app is an error that names its id, and how to find the right one."""
    declare(project, f'parallel.App("search", existing_app_id="{NO_SUCH_APP}")')

    text = project.fails("up")

    assert_refused(
        project, text, NO_SUCH_APP, "no app", "`parallel-provider apps`", resource="search"
    )


def test_adopt_by_id_refuses_another_name(project: Project, emulator: Emulator) -> None:
    """An app of another name is probably not the one that is meant."""
    existing = Console(emulator).create_app("billing")
    declare(project, f'parallel.App("search", existing_app_id="{existing}")')

    text = project.fails("up")

    assert_refused(project, text, "'billing'", "not 'search'", "set app_name", resource="search")


def test_adoption_inputs_of_a_managed_app_change_nothing(
    project: Project, emulator: Emulator
) -> None:
    """They matter only when the resource is created."""
    declare(project, 'parallel.App("search")')
    project.up()
    app_id = project.resource("search")["id"]

    declare(
        project, f'parallel.App("search", adopt_existing=True, existing_app_id="{NO_SUCH_APP}")'
    )
    with calls(emulator) as made:
        changed = project.up()

    assert changes(changed) == {"same": 2}
    assert made == {}
    assert project.resource("search")["id"] == app_id


def test_adopted_app_with_retain_on_delete_outlives_the_stack(
    project: Project, emulator: Emulator
) -> None:
    """The way to take an app over and to give it back unharmed."""
    existing = Console(emulator).create_app("search")
    declare(
        project,
        """
        parallel.App("search", adopt_existing=True,
                     opts=pulumi.ResourceOptions(retain_on_delete=True))
        """,
    )
    project.up()

    with writes(emulator) as made:
        project.destroy()

    assert made == []
    assert [app["app_id"] for app in apps_named(emulator, "search")] == [existing]
