"""App: what is declared as existing is never deleted, and what another resource has stays."""

from __future__ import annotations

import pytest

from parallel_provider.testing.emulator import Emulator
from tests.engines import Project, changes
from tests.real_pulumi import needs_pulumi
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
BY_NAME = "adopt_existing=True"
LEFT = "was declared as existing, and such an app is never deleted"

# Only Pulumi itself can run these.
only_pulumi = pytest.mark.parametrize(
    "engine",
    [
        pytest.param(
            "pulumi",
            marks=needs_pulumi,
        )
    ],
    indirect=True,
)


@pytest.fixture
def prod(emulator: Emulator) -> str:
    """Return the id of an app that existed before the stack."""
    return Console(emulator).create_app("prod")


def adopting(name: str, how: str = BY_NAME, opts: str = "") -> str:
    """Return a program with an adopted app and a key."""
    return f"""
app = parallel.App("{name}", app_name="prod", {how}, opts=pulumi.ResourceOptions({opts}))
parallel.ApiKey("ci", app_id=app.app_id)
"""


def assert_lives_on(project: Project, emulator: Emulator, prod: str) -> None:
    """Assert that app and key exist, nothing is to do, and destroy leaves the app."""
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]
    assert [key["api_key_id"] for key in live_keys(emulator)] == [project.resource("ci")["id"]]
    with calls(emulator) as made:
        again = project.up()
    assert set(changes(again)) == {"same"}
    assert made == {}
    assert warnings(again.stdout) == []

    destroyed = project.destroy()

    [told] = warnings(destroyed.stdout)
    assert f"App {prod} ('prod') stays at the server" in told
    assert LEFT in told
    assert live_keys(emulator) == []
    assert [app["app_id"] for app in apps_named(emulator, "prod")] == [prod]


@pytest.mark.parametrize("how", [BY_NAME, "existing_app_id=PROD"])
def test_rename_without_alias_keeps_the_app_that_is_adopted(
    project: Project, emulator: Emulator, prod: str, how: str
) -> None:
    """The old resource is deleted without a request, and the new one has the app."""
    how = how.replace("PROD", repr(prod))
    declare(project, adopting("search", how))
    project.up()

    declare(project, adopting("find", how))
    with writes(emulator) as made:
        renamed = project.up()

    assert changes(renamed) == {"create": 1, "delete": 1, "same": 2}
    assert made == []
    assert warnings(renamed.stdout) == []
    assert_lives_on(project, emulator, prod)


def test_app_that_was_created_is_kept_when_a_renamed_resource_adopts_it(
    project: Project, emulator: Emulator
) -> None:
    """A warning names the new resource, and what to look for."""
    declare(project, adopting("search", "adopt_existing=False"))
    project.up()
    [app] = apps_named(emulator, "prod")

    declare(project, adopting("find"))
    [told] = warnings(project.up().stdout)

    assert f"App {app['app_id']} ('prod') isn't deleted at the server" in told
    assert "this run has it in " in told
    assert "option deletedWith keep working: look for them" in told
    assert_lives_on(project, emulator, app["app_id"])


def test_app_that_the_stack_created_is_declared_as_existing_later(
    project: Project, emulator: Emulator
) -> None:
    """An update in place without a request. From then on it stays, whatever the program says."""
    declare(project, adopting("search", "adopt_existing=False"))
    project.up()
    [app] = apps_named(emulator, "prod")
    key = project.resource("ci")["id"]

    declare(project, adopting("search"))
    with calls(emulator) as made:
        declared = project.up()
        assert set(changes(project.up())) == {"same"}
    assert made == {}
    assert changes(declared) == {"update": 1, "same": 2}
    assert "is declared as existing now" in declared.stdout
    assert project.resource("ci")["id"] == key

    declare(project, adopting("search", "adopt_existing=False"))
    assert set(changes(project.up())) == {"same"}
    assert_lives_on(project, emulator, app["app_id"])


def test_app_that_an_adoption_created_is_left_too(project: Project, emulator: Emulator) -> None:
    """It was declared as existing, though there was none of its name."""
    declare(project, adopting("search"))
    project.up()
    [app] = apps_named(emulator, "prod")

    assert_lives_on(project, emulator, app["app_id"])


def test_move_into_a_component_keeps_the_app(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """With another parent, it is another resource with the same app."""
    declare(project, adopting("search"))
    project.up()

    component = 'team = pulumi.ComponentResource("acme:Team", "team")\n'
    declare(project, component + adopting("search", BY_NAME, "parent=team"))
    moved = project.up()

    assert changes(moved) == {"create": 2, "delete": 1, "same": 2}
    assert_lives_on(project, emulator, prod)


@only_pulumi
@pytest.mark.parametrize("opts", ["", "delete_before_replace=True"])
@pytest.mark.parametrize("before", [BY_NAME, "adopt_existing=False"])
def test_forced_replacement_keeps_the_app(
    project: Project, emulator: Emulator, opts: str, before: str
) -> None:
    """The new resource has the old one's name. The order of create and delete doesn't matter."""
    declare(project, adopting("search", before, opts))
    project.up()
    [app] = apps_named(emulator, "prod")

    declare(project, adopting("search", BY_NAME, opts))
    replaced = project.up(replace=[project.resource("search")["urn"]])

    assert changes(replaced)["replace"] >= 1
    assert_lives_on(project, emulator, app["app_id"])


@only_pulumi
def test_forced_replacement_of_an_app_that_is_not_adopted_deletes_the_old_one(
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
@pytest.mark.parametrize("option", ["refresh", "run_program"])
def test_destroy_that_compares_before_it_deletes_deletes_all(
    project: Project, emulator: Emulator, option: str
) -> None:
    """The comparison of a resource that goes is no claim that keeps its app."""
    declare(project, adopting("search", "adopt_existing=False"))
    project.up()

    destroyed = project.destroy(**{option: True})

    assert warnings(destroyed.stdout) == []
    assert apps_named(emulator, "prod") == []
    assert live_keys(emulator) == []


@pytest.mark.parametrize("how", [BY_NAME, "adopt_existing=False"])
def test_removal_in_a_run_with_refresh(
    project: Project, emulator: Emulator, prod: str, how: str
) -> None:
    """The refresh calls diff for a resource that the program no longer declares."""
    declare(project, adopting("search", how))
    project.up()
    managed = project.resource("search")["id"]

    declare(project, "")
    removed = project.up(refresh=True)

    assert (managed == prod) == ("True" in how)
    is_left = managed in [app["app_id"] for app in apps_named(emulator, "prod")]
    assert is_left == ("True" in how)
    assert [LEFT in told for told in warnings(removed.stdout)] == ([True] if is_left else [])
    assert live_keys(emulator) == []


def test_rename_in_a_run_with_refresh_keeps_the_app(
    project: Project, emulator: Emulator, prod: str
) -> None:
    """The refresh calls diff for the old resource. The new one can still adopt the app."""
    declare(project, adopting("search"))
    project.up()

    declare(project, adopting("find"))
    project.up(refresh=True)

    assert_lives_on(project, emulator, prod)


@pytest.mark.parametrize("before", [BY_NAME, "adopt_existing=False"])
def test_interrupted_rename_is_completed_without_loss(
    project: Project, emulator: Emulator, before: str
) -> None:
    """The run failed between creation and deletion, so the state has both resources."""
    declare(project, adopting("search", before))
    project.up()
    [app] = apps_named(emulator, "prod")
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    declare(project, adopting("find") + 'parallel.ApiKey("new", app_id=app.app_id)\n')
    project.fails("up")
    held = [r["id"] for r in project.resources() if r["type"].endswith(":App")]
    assert held == [app["app_id"]] * 2

    declare(project, adopting("find"))
    completed = project.up()

    assert changes(completed) == {"delete": 1, "same": 3}
    assert_lives_on(project, emulator, app["app_id"])


def test_interrupted_rename_and_then_destroy_removes_both(
    project: Project, emulator: Emulator
) -> None:
    """The app that the stack created is deleted once; nobody in this run needs it."""
    declare(project, adopting("search", "adopt_existing=False"))
    project.up()
    emulator.add_fault("status", method="POST", path=KEYS, status=403)
    declare(project, adopting("find") + 'parallel.ApiKey("new", app_id=app.app_id)\n')
    project.fails("up")

    project.destroy()

    assert apps_named(emulator, "prod") == []
    assert [r for r in project.resources() if r["custom"]] == []


@only_pulumi
@pytest.mark.parametrize("fails", ["create", "check"])
def test_nothing_is_deleted_in_a_run_in_which_a_creation_failed(
    project: Project, emulator: Emulator, fails: str
) -> None:
    """With --continue-on-error, a key that is renamed without an alias would be lost.

    A check that fails ends a Python program, and Pulumi itself deletes nothing then.
    """
    program = 'app = parallel.App("search")\nparallel.ApiKey("{}", app_id=app.app_id{})\n'
    declare(project, program.format("old", ""))
    project.up()
    more = ', triggers=float("inf")' if fails == "check" else ""
    if fails == "create":
        emulator.add_fault("status", method="POST", path=KEYS, status=403)

    declare(project, program.format("new", more))
    text = project.fails("up", continue_on_error=True)

    says = {
        "create": "ApiKey 'new' failed in this run",
        "check": "isn't finite",
    }
    assert says[fails] in text
    assert [key["api_key_name"] for key in live_keys(emulator)] == ["old"]
    declare(project, program.format("new", ""))
    project.up()
    assert [key["api_key_name"] for key in live_keys(emulator)] == ["new"]
