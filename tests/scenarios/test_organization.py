"""A token of the wrong organization: resources that it can't see aren't treated as deleted."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    GET_BALANCE,
    LIST_APPS,
    Console,
    apps_named,
    assert_fails,
    assert_refused,
    calls,
    declare,
    live_keys,
    writes,
)

APP_AND_KEY = """
app = parallel.App("search")
key = parallel.ApiKey("ci", app_id=app.app_id)
"""


def test_guard_refuses_another_organization_before_the_first_change(
    project: Project, emulator: Emulator
) -> None:
    """With `parallel:orgId`, the first answer that names another organization ends the run."""
    project.config("parallel:orgId", "org_meant")
    declare(project, APP_AND_KEY)

    with calls(emulator) as made:
        text = project.fails("up")

    assert_refused(
        project,
        text,
        f"belongs to organization '{emulator.org_id}'",
        "parallel:orgId allows 'org_meant' only",
        "sign in to that organization",
        resource="search",
    )
    assert made == {LIST_APPS: 1}


def test_guard_lets_the_right_organization_through(project: Project, emulator: Emulator) -> None:
    """The guard costs a request only in a run that changes something and lists no apps."""
    project.env["PARALLEL_ORG_ID"] = emulator.org_id
    declare(project, APP_AND_KEY)

    with calls(emulator) as made:
        project.up()
    assert GET_BALANCE not in made

    with calls(emulator) as made:
        project.up()
    assert made == {}

    with calls(emulator) as made:
        project.refresh()
    assert made == {LIST_APPS: 1}

    with calls(emulator) as made:
        project.destroy()
    assert made[GET_BALANCE] == 1


@pytest.mark.parametrize("operation", ["refresh", "destroy"])
def test_guard_protects_what_exists(project: Project, emulator: Emulator, operation: str) -> None:
    """A guard that is set or changed later also protects the state from refresh and destroy."""
    declare(project, APP_AND_KEY)
    project.up()
    project.env["PARALLEL_ORG_ID"] = "org_meant"

    with writes(emulator) as made:
        text = project.fails(operation)

    assert_refused(project, text, "PARALLEL_ORG_ID allows 'org_meant' only", resource=None)
    assert "ApiKey 'ci'" in text
    assert made == []
    assert project.resource("ci")["outputs"]["app_id"] == project.resource("search")["id"]


def test_data_sources_are_guarded_too(project: Project) -> None:
    """A program must not use data of the wrong organization."""
    project.config("parallel:orgId", "org_meant")
    declare(project, "parallel.get_apps()")

    text = project.fails("preview")

    doing = "listing the apps" if project.provider == "dynamic" else "calling getApps"
    assert_refused(project, text, doing, "parallel:orgId allows", resource=None)


def test_guard_refuses_a_list_without_apps(project: Project, emulator: Emulator) -> None:
    """Only the balance tells whose it is, and a program must not take it for its own."""
    [app] = emulator.state()["apps"]
    Console(emulator).delete_app(app["app_id"])
    project.config("parallel:orgId", "org_meant")
    declare(project, "parallel.get_apps()")

    with calls(emulator) as made:
        text = project.fails("preview")

    assert_refused(project, text, "parallel:orgId allows", resource=None)
    assert made == {LIST_APPS: 1, GET_BALANCE: 1}


@pytest.mark.parametrize("empty", [False, True], ids=["with apps", "without apps"])
def test_token_of_another_organization_loses_nothing(
    project: Project, emulator: Emulator, *, empty: bool
) -> None:
    """Refresh and destroy keep the state, although keys look deleted. The right token works."""
    declare(project, APP_AND_KEY)
    project.up()
    other = emulator.add_org()
    right, project.env["PARALLEL_ACCESS_TOKEN"] = emulator.access_token, other["access_token"]
    if empty:
        # Without apps, only the balance shows the token's organization.
        console = Console(emulator, other["access_token"])
        console.delete_app(emulator.state(other["org_id"])["apps"][0]["app_id"])

    for operation in ("refresh", "destroy"):
        text = assert_fails(
            project,
            operation,
            f"belongs to organization '{emulator.org_id}'",
            f"the access token to '{other['org_id']}'",
            "use a token of the right organization",
            resource=None,
        )
        assert "ApiKey 'ci'" in text
        assert project.resource("ci")["outputs"]["app_id"] == project.resource("search")["id"]

    project.env["PARALLEL_ACCESS_TOKEN"] = right
    assert changes(project.refresh()) == {"same": 3}
    assert changes(project.destroy()) == {"delete": 3}
    assert apps_named(emulator, "search") == []
    assert live_keys(emulator) == []


def test_lost_permission_is_not_deletion(project: Project, emulator: Emulator) -> None:
    """With a token that can't list apps, the state doesn't change."""
    declare(project, APP_AND_KEY)
    project.up()
    project.env["PARALLEL_ACCESS_TOKEN"] = emulator.mint_token(scopes=["balance:read"])

    assert_fails(project, "refresh", "Missing required scope: apps:read", resource=None)
    assert project.resource("ci")["outputs"]["app_id"] == project.resource("search")["id"]
