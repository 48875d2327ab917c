"""App: a new resource adopts the app that an old resource still manages, and the app stays."""

from __future__ import annotations

import shutil

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.scenarios.story import (
    Console,
    apps_named,
    calls,
    declare,
    live_keys,
    warnings,
    writes,
)

KEYS = "/service/v1/apps/{app_id}/keys"

# Only Pulumi itself can run these.
only_pulumi = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(
            "pulumi",
            marks=pytest.mark.skipif(shutil.which("pulumi") is None, reason="needs pulumi on PATH"),
        )
    ],
    indirect=True,
)


@pytest.fixture
def prod(emulator: Emulator) -> str:
    """Return the id of an app that existed before the stack."""
    return Console(emulator).create_app("prod")


def adopting(name: str, how: str, opts: str = "") -> str:
    """Return a program with an adopted app and a key."""
    return f"""
app = parallel.App("{name}", app_name="prod", {how}, opts=pulumi.ResourceOptions({opts}))
parallel.ApiKey("ci", app_id=app.app_id)
"""


BY_NAME = "adopt_existing=True"


def assert_lives_on(project: Project, emulator: Emulator, prod: str) -> None:
    """Assert that app and key exist, nothing is to do, and destroy deletes the app."""
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]
    assert [key["api_key_id"] for key in live_keys(emulator)] == [project.resource("ci")["id"]]
    with calls(emulator) as made:
        again = project.up()
    assert set(changes(again)) == {"same"}
    assert made == {}
    assert warnings(again.stdout) == []

    with writes(emulator) as made_by_destroy:
        project.destroy()

    assert made_by_destroy[-1] == ("DELETE", f"/service/v1/apps/{prod}")
    assert apps_named(emulator, "prod") == []


@pytest.mark.parametrize("how", ["adopt_existing=True", "existing_app_id=PROD"])
def test_rename_without_alias_keeps_the_app_that_is_taken_over(
    project: Project, emulator: Emulator, prod: str, how: str
) -> None:
    """The old resource is deleted, and the new one keeps the app. A warning says so."""
    how = how.replace("PROD", repr(prod))
    declare(project, adopting("search", how))
    project.up()

    declare(project, adopting("find", how))
    with writes(emulator) as made:
        renamed = project.up()

    assert changes(renamed) == {"create": 1, "delete": 1, "same": 2}
    assert made == []
    [told] = warnings(renamed.stdout)
    assert f"App {prod} ('prod') isn't deleted at the server" in told
    assert "another resource of this stack manages it" in told
    assert_lives_on(project, emulator, prod)


def test_app_that_was_created_is_kept_when_a_renamed_resource_takes_it_over(
    project: Project, emulator: Emulator
) -> None:
    """The same is true if the stack itself created the app."""
    declare(project, adopting("search", "adopt_existing=False"))
    project.up()
    [app] = apps_named(emulator, "prod")

    declare(project, adopting("find", BY_NAME))
    project.up()

    assert_lives_on(project, emulator, app["app_id"])


def test_move_into_a_component_keeps_the_app(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """With another parent, it is another resource with the same app."""
    declare(project, adopting("search", BY_NAME))
    project.up()

    component = 'team = pulumi.ComponentResource("acme:Team", "team")\n'
    declare(project, component + adopting("search", BY_NAME, "parent=team"))
    moved = project.up()

    assert changes(moved) == {"create": 2, "delete": 1, "same": 2}
    assert_lives_on(project, emulator, prod)


@only_pulumi
@pytest.mark.parametrize("opts", ["", "delete_before_replace=True"])
def test_forced_replacement_keeps_the_app(
    project: Project, emulator: Emulator, prod: str, opts: str
) -> None:
    """The new resource has the old one's name. The order of create and delete doesn't matter."""
    declare(project, adopting("search", BY_NAME, opts))
    project.up()

    replaced = project.up(replace=[project.resource("search")["urn"]])

    assert changes(replaced)["replace"] >= 1
    [told] = warnings(replaced.stdout)
    assert f"App {prod} ('prod') isn't deleted" in told
    assert_lives_on(project, emulator, prod)


@only_pulumi
def test_forced_replacement_of_an_app_that_is_not_taken_over_deletes_the_old_one(
    project: Project, emulator: Emulator
) -> None:
    """A plain app is created again, and the old one is deleted."""
    declare(project, adopting("search", "adopt_existing=False"))
    project.up()
    old = project.resource("search")["id"]

    project.up(replace=[project.resource("search")["urn"]])

    new = project.resource("search")["id"]
    assert new != old
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [new]


@only_pulumi
def test_destroy_with_refresh_deletes_the_app(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """The refresh reads each resource just before its deletion. That doesn't count as a use."""
    declare(project, adopting("search", BY_NAME))
    project.up()

    destroyed = project.destroy(refresh=True)

    assert warnings(destroyed.stdout) == []
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == []
    assert prod not in str(emulator.state()["apps"])


@pytest.mark.parametrize("how", ["adopt_existing=True", "adopt_existing=False"])
def test_removal_in_a_run_with_refresh_deletes_the_app(
    project: Project, emulator: Emulator, prod: str, how: str
) -> None:
    """The refresh calls diff for a resource that the program no longer declares."""
    declare(project, adopting("search", how))
    project.up()
    managed = project.resource("search")["id"]

    declare(project, "")
    project.up(refresh=True)

    assert (managed == prod) == ("True" in how)
    assert managed not in [app["app_id"] for app in apps_named(emulator, "prod")]


def test_rename_in_a_run_with_refresh_keeps_the_app(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """The refresh calls diff for the old resource. The new one can still adopt the app."""
    declare(project, adopting("search", BY_NAME))
    project.up()

    declare(project, adopting("find", BY_NAME))
    project.up(refresh=True)

    assert_lives_on(project, emulator, prod)


def test_interrupted_rename_is_completed_without_loss(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """The run failed between creation and deletion, so the state has both resources."""
    declare(project, adopting("search", BY_NAME))
    project.up()
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    declare(project, adopting("find", BY_NAME) + 'parallel.ApiKey("new", app_id=app.app_id)\n')
    project.fails("up")
    held = [r["id"] for r in project.resources() if r["type"].endswith(":App")]
    assert held == [prod, prod]

    declare(project, adopting("find", BY_NAME))
    completed = project.up()

    assert changes(completed) == {"delete": 1, "same": 3}
    assert "another resource of this stack manages it" in warnings(completed.stdout)[0]
    assert_lives_on(project, emulator, prod)


def test_name_changed_away_and_back_with_deletions_pending_keeps_the_app(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """Two failed runs leave old copies in the state. They are deleted, and the app stays."""
    program = (
        'app = parallel.App("search", app_name="{name}", adopt_existing=True)\n'
        'parallel.ApiKey("ci", app_id=app.app_id)\n'
    )
    declare(project, program.format(name="prod"))
    project.up()
    for name in ("other", "prod"):
        emulator.add_fault("status", method="POST", path=KEYS, status=403, times=9)
        declare(project, program.format(name=name) + 'parallel.ApiKey("new", app_id=app.app_id)')
        project.fails("up")
        emulator.clear_faults()
    pending = [r["id"] for r in project.resources() if r.get("delete")]
    assert prod in pending
    assert len(pending) == 2

    declare(project, program.format(name="prod"))
    project.up()

    assert apps_named(emulator, "other") == []
    assert_lives_on(project, emulator, prod)


def test_interrupted_rename_and_then_destroy_deletes_the_app_once(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """Two resources in the state have one id. Destroy removes both."""
    declare(project, adopting("search", BY_NAME))
    project.up()
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    declare(project, adopting("find", BY_NAME) + 'parallel.ApiKey("new", app_id=app.app_id)\n')
    project.fails("up")

    destroyed = project.destroy()

    assert warnings(destroyed.stdout) == []
    assert apps_named(emulator, "prod") == []
    assert [r for r in project.resources() if r["custom"]] == []
    assert prod not in str(emulator.state()["apps"])
