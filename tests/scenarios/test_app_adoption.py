"""App: an existing app is adopted, and the user is informed."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    CREATE_APP,
    LIST_APPS,
    NO_SUCH_APP,
    Console,
    apps_named,
    assert_fails,
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

    preview = project.preview()
    with calls(emulator) as made:
        created = project.up()

    assert made == {LIST_APPS: 2, CREATE_APP: 1}
    assert len(apps_named(emulator, "search")) == 1
    assert "exists already" not in preview.stdout + created.stdout


def test_adopt_by_name_refuses_where_there_are_several(
    project: Project, emulator: Emulator
) -> None:
    """Nobody can guess which app is meant. The error lists the ids, and the preview warns."""
    console = Console(emulator)
    ids = [console.create_app("search"), console.create_app("search")]
    declare(project, 'parallel.App("search", adopt_existing=True)')
    says = "2 apps are named 'search'"

    [told] = warnings(project.preview().stdout)
    assert f"As things stand, App 'search' can't be created: {says}" in told
    assert all(app_id in told for app_id in ids)
    assert_fails(project, "up", says, *ids, "existing_app_id", resource="search")
    assert len(apps_named(emulator, "search")) == 2


def test_adopt_by_id_takes_over_exactly_that_app(project: Project, emulator: Emulator) -> None:
    """Among apps of one name, the id decides. Upper and lower case are the same."""
    console = Console(emulator)
    console.create_app("search")
    wanted = console.create_app("search")
    declare(project, f'parallel.App("search", existing_app_id="{wanted.upper()}")')

    project.up()

    assert project.resource("search")["id"] == wanted
    assert changes(project.up()) == {"same": 2}


@pytest.mark.parametrize("how", ['.get("search", "{}")', '("search", existing_app_id="{}")'])
def test_app_that_is_not_there_is_refused(project: Project, how: str) -> None:
    """The error names the missing app's id, and says how to find the right one."""
    declare(project, f"parallel.App{how.format(NO_SUCH_APP)}")

    says = (NO_SUCH_APP, "no app", "`parallel-provider apps`")
    assert_fails(project, "up", *says, resource="search")


def test_adopt_by_id_refuses_another_name(project: Project, emulator: Emulator) -> None:
    """An app of another name is probably the wrong app."""
    existing = Console(emulator).create_app("billing")
    declare(project, f'parallel.App("search", existing_app_id="{existing}")')

    assert_fails(project, "up", "'billing'", "not 'search'", "set app_name", resource="search")


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


@pytest.mark.parametrize("missing", ["a list", "a sign-in"])
def test_preview_of_an_adoption_without_a_list_cannot_tell(
    project: Project, emulator: Emulator, missing: str
) -> None:
    """The preview succeeds even if the list fails, and needs no sign-in."""
    if missing == "a list":
        emulator.add_fault("status", method="GET", path="/service/v1/apps", status=403, times=99)
    else:
        del project.env["PARALLEL_ACCESS_TOKEN"]
    declare(project, 'parallel.App("search", adopt_existing=True)')

    preview = project.preview()

    assert changes(preview) == {"create": 2}
    text = "Whether App 'search' adopts an app that exists already can't be told"
    assert text in preview.stdout
    assert ("403" in preview.stdout) == (missing == "a list")


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
