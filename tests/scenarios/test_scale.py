"""Many resources: as few requests as possible, and all correct."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    CREATE_APP,
    CREATE_KEY,
    DELETE_APP,
    DELETE_KEY,
    LIST_APPS,
    Console,
    calls,
    declare,
    live_keys,
)


@pytest.mark.timeout(300)
def test_many_resources_cost_a_request_each(project: Project, emulator: Emulator) -> None:
    """One POST and one DELETE each, one list for all, and no request if nothing changes."""
    declare(
        project,
        """
        for number in range(40):
            app = parallel.App(f"app-{number}")
            parallel.ApiKey(f"key-{number}", app_id=app.app_id)
        """,
    )

    with calls(emulator) as made:
        assert changes(project.up()) == {"create": 81}
    assert made == {CREATE_APP: 40, CREATE_KEY: 40, LIST_APPS: 1}
    assert len(live_keys(emulator)) == 40

    with calls(emulator) as made:
        assert changes(project.up()) == {"same": 81}
    assert made == {}

    with calls(emulator) as made:
        assert changes(project.refresh()) == {"same": 81}
    assert made == {LIST_APPS: 1}

    with calls(emulator) as made:
        assert changes(project.destroy()) == {"delete": 81}
    assert made == {DELETE_APP: 40, DELETE_KEY: 40}
    assert live_keys(emulator) == []


def test_first_app_of_an_organization_needs_a_second_list(
    project: Project, emulator: Emulator
) -> None:
    """Only an app shows the organization. If there is none at first, apps are listed again."""
    [only] = emulator.state()["apps"]
    Console(emulator).delete_app(only["app_id"])
    declare(project, 'for number in range(5):\n    parallel.App(f"app-{number}")')

    with calls(emulator) as made:
        project.up()

    assert made == {CREATE_APP: 5, LIST_APPS: 2}
    assert project.resource("app-4")["outputs"]["org_id"] == emulator.org_id
