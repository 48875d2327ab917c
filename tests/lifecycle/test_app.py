"""App's decisions where answers are lost, or somebody else creates apps at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from parallel_provider.api import PermissionDeniedError, WrongOrganizationError
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app import AppInputs, AppLifecycle, AppState
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said, api_at, run_at

LIFECYCLE = AppLifecycle()
APPS = "/service/v1/apps"
NewRun = Callable[[], Run]


def names(emulator: Emulator) -> list[str]:
    """Return the names of the apps that were created."""
    return [app["app_name"] for app in emulator.state()["apps"]][1:]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "garbage"])
def test_lost_answer_is_told_and_another_app_counts(
    new_run: NewRun, emulator: Emulator, said: Said, kind: str
) -> None:
    """Whether or not the first one had been created: the state has the one of the second answer."""
    emulator.add_fault(kind, method="POST", path=APPS)  # type: ignore[arg-type] # a literal

    created = LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))

    apps = [app["app_id"] for app in emulator.state()["apps"]][1:]
    assert apps[-1] == created.app_id
    [before] = said.infos
    assert "an app named 'search' may exist that no stack manages" in before
    [told] = said.warnings
    assert f"The one that counts is {created.app_id}" in told
    if kind == "drop_before":
        assert len(apps) == 1
        assert "No other new app of that name is listed now." in told
    else:
        assert len(apps) == 2
        assert f"New under that name: {apps[0]}." in told


def test_lost_answer_takes_no_app_of_somebody_else(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """Another stack creates an app of this name just when our request is lost: it isn't ours."""
    run = new_run()
    run.apps.load()
    stranger = api_at(emulator.url, emulator.access_token).create_app("search")
    emulator.add_fault("status", method="POST", path=APPS, status=502)

    created = LIFECYCLE.create(Context(run), AppInputs(app_name="search"))
    LIFECYCLE.delete(Context(run), created)

    assert created.app_id != stranger
    assert [app["app_id"] for app in emulator.state()["apps"]][1:] == [stranger]
    [told] = said.warnings
    assert f"New under that name: {stranger}. " in told
    assert "Other stacks and people may have apps of that name" in told


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "drop_after"}, "or two of them"),
        ({"kind": "status", "status": 403}, "that no stack manages. New under"),
    ],
)
def test_second_failure_after_a_lost_answer_names_what_may_exist(
    new_run: NewRun, emulator: Emulator, fault: dict[str, Any], says: str
) -> None:
    """Nothing is kept, so the error has the ids of what is there."""
    emulator.add_fault("drop_after", method="POST", path=APPS)
    emulator.add_fault(**fault, method="POST", path=APPS)

    with pytest.raises(LifecycleError, match="another attempt failed") as failure:
        LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))

    told = str(failure.value)
    assert says in told
    apps = [app["app_id"] for app in emulator.state()["apps"]][1:]
    assert apps
    assert all(app_id in told for app_id in apps)


def test_lost_answer_without_a_list_is_told_all_the_same(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """The warning says how to look for the app when the list is there again."""
    run = new_run()
    run.apps.load()
    emulator.add_fault("drop_after", method="POST", path=APPS)
    emulator.add_fault("status", method="GET", path=APPS, status=403)

    created = LIFECYCLE.create(Context(run), AppInputs(app_name="search"))

    assert created.app_id == emulator.state()["apps"][-1]["app_id"]
    [told] = said.warnings
    assert "an app of that name may exist" in told.replace("a second app", "an app")
    assert "The apps can't be listed" in told
    assert "`parallel-provider apps`" in told


def test_lost_answers_of_many_apps_of_one_name_are_kept_apart(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """Each resource has an app of its own, and each one that nobody has is named."""
    emulator.add_fault("drop_after", method="POST", path=APPS, times=1)
    emulator.add_fault("drop_after", method="POST", path=APPS, times=1, after=3)
    run = new_run()

    with ThreadPoolExecutor(6) as threads:
        created = list(
            threads.map(
                lambda _: LIFECYCLE.create(Context(run), AppInputs(app_name="search")), range(6)
            )
        )

    held = {app.app_id for app in created}
    strays = {app["app_id"] for app in emulator.state()["apps"][1:]} - held
    assert len(held) == 6
    assert len(strays) == 2
    assert all(any(stray in told for told in said.warnings) for stray in strays)
    named = [told.partition("New under that name")[2] for told in said.warnings]
    assert not any(app_id in told for told in named for app_id in held)


def test_app_whose_organization_cannot_be_told_is_deleted_again(emulator: Emulator) -> None:
    """A create that fails must leave nothing behind."""
    first = api_at(emulator.url, emulator.access_token)
    first.delete_app(emulator.state()["apps"][0]["app_id"])
    run = run_at(emulator.url, emulator.access_token)
    # The first list is empty; the second one, after the create, fails for good.
    emulator.add_fault("status", method="GET", path=APPS, status=403, after=1)

    with pytest.raises(PermissionDeniedError):
        LIFECYCLE.create(Context(run), AppInputs(app_name="search"))

    assert emulator.state()["apps"] == []


def test_app_is_gone_only_by_a_list_of_its_organization(
    new_run: NewRun, emulator: Emulator
) -> None:
    """Another organization's list, or an empty one without a balance, proves nothing."""
    created = LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))
    other = emulator.add_org()

    with pytest.raises(WrongOrganizationError):
        LIFECYCLE.read(Context(run_at(emulator.url, other["access_token"])), created)
    with pytest.raises(WrongOrganizationError):
        LIFECYCLE.delete(Context(run_at(emulator.url, other["access_token"])), created)
    assert names(emulator) == ["search"]

    LIFECYCLE.delete(Context(new_run()), created)
    assert LIFECYCLE.read(Context(new_run()), created) is None
    LIFECYCLE.delete(Context(new_run()), created)

    api_at(emulator.url, emulator.access_token).delete_app(emulator.state()["apps"][0]["app_id"])
    only_apps = emulator.mint_token(scopes=["apps:read", "apps:delete"])
    for call in (LIFECYCLE.read, LIFECYCLE.delete):
        with pytest.raises(LifecycleError, match="only the balance tells"):
            call(Context(run_at(emulator.url, only_apps)), created)


def test_app_that_is_still_listed_is_not_gone(new_run: NewRun, emulator: Emulator) -> None:
    """A 404 for an app that is there would lose it: the state keeps it, until it is really gone."""
    created = LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))
    emulator.add_fault("status", method="DELETE", path=f"{APPS}/{{app_id}}", status=404)

    with pytest.raises(LifecycleError, match="and yet it is in the list of apps: run again"):
        LIFECYCLE.delete(Context(new_run()), created)
    assert names(emulator) == ["search"]

    # Its answer is lost; the repetition's 404 is true, though the run had seen the app before.
    emulator.add_fault("drop_after", method="DELETE", path=f"{APPS}/{{app_id}}")
    run = new_run()
    run.apps.load()
    LIFECYCLE.delete(Context(run), created)
    assert names(emulator) == []


def test_name_that_the_server_tidied_up_makes_no_difference() -> None:
    """The diff compares with what was asked for, not with what the server made of it."""
    created = AppState(app_id="1", app_name="search", org_id="o", org_name="O")

    assert not LIFECYCLE.diff(Context(run_at()), created, {"app_name": "search"}).changed
    assert LIFECYCLE.diff(Context(run_at()), created, {"app_name": "search "}).replaces == (
        "app_name",
    )


def test_guard_stops_every_operation(emulator: Emulator) -> None:
    """Nothing is changed, and one question is asked for all of them."""
    run = run_at(emulator.url, emulator.access_token, org_id="org_meant")
    known = AppState(app_id="1", app_name="search", org_id="o", org_name="O")
    operations: list[Callable[[], object]] = [
        lambda: LIFECYCLE.create(Context(run), AppInputs(app_name="search")),
        lambda: LIFECYCLE.read(Context(run), known),
        lambda: LIFECYCLE.look_up(Context(run), "1"),
        lambda: LIFECYCLE.delete(Context(run), known),
    ]
    for operation in operations:
        with pytest.raises(ParallelError, match="parallel:orgId allows 'org_meant' only"):
            operation()

    assert emulator.state()["requests"] == {"GET /service/v1/balance": 1}


def test_new_app_beside_another_one_of_its_name_says_nothing(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """Names needn't be unique: the other one belongs to a stack that is alive."""
    api_at(emulator.url, emulator.access_token).create_app("search")

    LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))

    assert names(emulator) == ["search"] * 2
    assert said.infos == said.warnings == []
