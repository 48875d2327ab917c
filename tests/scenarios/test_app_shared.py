"""One app in two resources of a program is refused; an app that a staying resource needs stays."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project
from tests.scenarios.story import (
    Console,
    apps_named,
    assert_fails,
    calls,
    declare,
    live_keys,
    warnings,
    writes,
)

CREATED = 'parallel.App("a", app_name="prod")\n'
ADOPTED = 'parallel.App("b", app_name="prod", adopt_existing=True)\n'


@pytest.fixture
def prod(emulator: Emulator) -> str:
    """Return the id of an app that existed before the stack."""
    return Console(emulator).create_app("prod")


@pytest.mark.parametrize("order", [CREATED + ADOPTED, ADOPTED + CREATED])
def test_second_resource_of_one_app_is_refused(
    project: Project, emulator: Emulator, order: str
) -> None:
    """In the preview already, whichever comes first. Its removal leaves the app."""
    declare(project, CREATED)
    project.up()
    app_id = project.resource("a")["id"]

    declare(project, order)
    with writes(emulator) as made:
        for operation in ("preview", "up"):
            assert_fails(project, operation, app_id, "declare it once", resource=None, parallel=1)
    assert made == []

    declare(project, CREATED)
    project.up()
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [app_id]
    project.destroy()
    assert apps_named(emulator, "prod") == []


def test_two_resources_that_adopt_one_app_are_refused(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """The preview says so."""
    declare(project, ADOPTED + ADOPTED.replace('"b"', '"c"'))

    with writes(emulator) as made:
        for operation in ("preview", "up"):
            assert_fails(project, operation, prod, "declare it once", resource=None)

    assert made == []


@pytest.mark.parametrize(
    ("how", "change"), [("text", "removed"), ("text", "renamed"), ("get", "removed")]
)
def test_app_that_a_staying_key_needs_is_kept(
    project: Project, emulator: Emulator, how: str, change: str
) -> None:
    """Its resource goes, but a key that stays has its id as text, or from `App.get`."""
    declare(project, 'app = parallel.App("search")\npulumi.export("id", app.app_id)')
    app_id = project.up().outputs["id"].value
    sources = {
        "text": f'key = parallel.ApiKey("ci", app_id="{app_id}")\n',
        "get": f'app = parallel.App.get("shared", "{app_id}")\n'
        'parallel.ApiKey("ci", app_id=app.app_id)\n',
    }
    declare(project, 'parallel.App("search")\n' + sources[how])
    project.up()

    other = 'parallel.App("search", app_name="other")\n' if change == "renamed" else ""
    declare(project, other + sources[how])
    kept = project.up()

    [told] = warnings(kept.stdout)
    assert f"App {app_id} ('search') isn't deleted at the server" in told
    assert "ApiKey 'ci'" in told
    assert [app["app_id"] for app in apps_named(emulator, "search")] == [app_id]
    assert [key["api_key_id"] for key in live_keys(emulator)] == [project.resource("ci")["id"]]
    assert warnings(project.up().stdout) == []


def test_app_and_key_that_are_removed_together_both_go(
    project: Project, emulator: Emulator
) -> None:
    """A key whose app is text doesn't keep it once the key goes too."""
    declare(project, 'parallel.App("search")')
    project.up()
    app_id = project.resource("search")["id"]
    declare(project, f'parallel.App("search")\nparallel.ApiKey("ci", app_id="{app_id}")')
    project.up()

    declare(project, "")
    removed = project.up(refresh=True)

    assert warnings(removed.stdout) == []
    assert apps_named(emulator, "search") == []
    assert live_keys(emulator) == []


def test_name_that_differs_in_the_list_replaces_nothing(
    project: Project, emulator: Emulator
) -> None:
    """Somebody has renamed the app, or the server writes its name in another way."""
    declare(project, 'app = parallel.App("search")\nparallel.ApiKey("ci", app_id=app.app_id)')
    project.up()
    emulator.add_fault(
        "odd",
        method="GET",
        path="/service/v1/apps",
        replace={"apps.1.app_name": '"Search"'},
        times=9,
    )

    with writes(emulator) as made:
        refreshed = project.refresh()
        again = project.up(refresh=True)
        preview = project.preview()

    assert made == []
    assert "is named 'Search' in the list of apps" in refreshed.stdout
    assert project.resource("search")["outputs"]["app_name"] == "search"
    for run in (again, preview):
        assert "replace" not in run.stdout.partition("Resources:")[2]
    with calls(emulator) as made_by_up:
        project.up()
    assert made_by_up == {}
