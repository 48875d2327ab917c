"""Two stacks of one organization at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.leaks import assert_no_leaks
from tests.scenarios.story import CREATE_APP, apps_named, calls, declare, live_keys


@pytest.fixture
def both(project: Project, emulator: Emulator, tmp_path: Path) -> list[Project]:
    """Return two projects whose runs are slow enough to overlap."""
    folder = tmp_path / "other" / "program"
    folder.mkdir(parents=True)
    other = Project(folder, project.engine)
    other.env |= project.env
    emulator.set_settings(latency_seconds=0.3)
    return [project, other]


def up_at_once(projects: list[Project]) -> None:
    """Run all of them at the same time."""
    for project in projects:
        _ = project.stack
    with ThreadPoolExecutor(len(projects)) as threads:
        list(threads.map(Project.up, projects))


def test_stacks_are_independent(both: list[Project], emulator: Emulator) -> None:
    """The same program twice creates everything twice, and each stack destroys its own."""
    for project in both:
        declare(project, 'app = parallel.App("search")\nparallel.ApiKey("ci", app_id=app.app_id)')

    up_at_once(both)

    ids = {project.resource("search")["id"] for project in both}
    assert {app["app_id"] for app in apps_named(emulator, "search")} == ids
    assert len(ids) == len(live_keys(emulator)) == 2
    both[1].destroy()
    assert [key["api_key_id"] for key in live_keys(emulator)] == [both[0].resource("ci")["id"]]
    assert_no_leaks(both[1], emulator)


def test_stacks_that_adopt_one_name_share_one_app(both: list[Project], emulator: Emulator) -> None:
    """Neither finds an app of the name. One of them creates it, and the other adopts it."""
    for project in both:
        declare(project, 'parallel.App("search", adopt_existing=True)')

    with calls(emulator) as made:
        up_at_once(both)

    [app] = apps_named(emulator, "search")
    assert [project.resource("search")["id"] for project in both] == [app["app_id"]] * 2
    assert made[CREATE_APP] == 1
    for project in both:
        assert changes(project.up()) == {"same": 2}
