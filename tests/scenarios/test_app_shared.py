"""App: one app that several resources manage, or that is both read and managed."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import (
    DELETE_APP,
    Console,
    apps_named,
    assert_refused,
    calls,
    declare,
    live_keys,
    warnings,
    writes,
)

ADOPTING = """
app = parallel.App("search", app_name="prod", adopt_existing=True)
parallel.ApiKey("ci", app_id=app.app_id)
"""


@pytest.fixture
def prod(emulator: Emulator) -> str:
    """Return the id of an app that existed before the stack."""
    return Console(emulator).create_app("prod")


@pytest.mark.parametrize("removed", ["a", "b"])
def test_app_of_two_resources_is_deleted_with_the_last(
    project: Project, emulator: Emulator, removed: str
) -> None:
    """A warning says that another resource created the app. Only the last deletion deletes it."""
    lines = {
        "a": 'parallel.App("a", app_name="prod")\n',
        "b": 'parallel.App("b", app_name="prod", adopt_existing=True)\n',
    }
    declare(project, lines["a"])
    project.up()
    app_id = project.resource("a")["id"]
    declare(project, lines["a"] + lines["b"])
    project.up()
    assert project.resource("b")["id"] == app_id
    twice = project.up()
    [told] = warnings(twice.stdout)
    assert "managed by two resources of this stack: declare it in one place only" in told

    declare(project, next(line for name, line in lines.items() if name != removed))
    with calls(emulator) as made:
        project.up()
    assert made == {}
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [app_id]
    assert warnings(project.up().stdout) == []

    declare(project, "")
    with calls(emulator) as made:
        project.up()
    assert made == {DELETE_APP: 1}
    assert apps_named(emulator, "prod") == []


def test_app_that_the_program_only_reads_from_now_on_is_kept(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """The managing resource is removed, but the program still needs the app for its key."""
    declare(project, ADOPTING)
    project.up()

    declare(
        project,
        f'app = parallel.App.get("shared", "{prod}")\nparallel.ApiKey("ci", app_id=app.app_id)',
    )
    kept = project.up()

    assert "this program reads it with App.get" in warnings(kept.stdout)[0]
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]
    assert len(live_keys(emulator)) == 1
    with writes(emulator) as made:
        project.destroy()
    assert ("DELETE", f"/service/v1/apps/{prod}") not in made


def test_deletion_that_fails_is_repeated(project: Project, emulator: Emulator, prod: str) -> None:
    """The app is deleted by the next run."""
    declare(project, ADOPTING)
    project.up()
    emulator.add_fault("status", method="DELETE", path="/service/v1/apps/{app_id}", status=403)

    text = project.fails("destroy")

    assert_refused(project, text, "403", resource="search")
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]
    project.destroy()
    assert apps_named(emulator, "prod") == []
