"""App: creating and adopting one whatever happens to answers, the list, and what proves an end."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import SecretStr

from parallel_provider.api import AccountApi, PermissionDeniedError
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import (
    AppInputs,
    AppLifecycle,
    AppState,
    Marks,
    Presence,
    is_revoked,
    mark_of,
    with_mark,
)
from parallel_provider.lifecycle.keys import ApiKeyInputs, ApiKeyLifecycle
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said, api_at, run_at

LIFECYCLE = AppLifecycle()
KEYS = ApiKeyLifecycle()
APPS = "/service/v1/apps"
APP_ID = "11111111-1111-4111-8111-111111111111"
ADOPT = AppInputs(app_name="search", adopt_existing=True)
NewRun = Callable[[], Run]


def ids(emulator: Emulator) -> list[str]:
    """Return the ids of the apps that were created and are still there."""
    return [app["app_id"] for app in emulator.state()["apps"]][1:]


def delete_in_console(emulator: Emulator, app_id: str) -> None:
    """Delete an app as the administrator, without Pulumi."""
    api_at(emulator.url, emulator.access_token).delete_app(app_id)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "garbage"])
def test_lost_answer_is_told_and_another_app_counts(
    new_run: NewRun, emulator: Emulator, said: Said, kind: str
) -> None:
    """Whether or not the first one had been created: the state has the one of the second answer."""
    emulator.add_fault(kind, method="POST", path=APPS)  # type: ignore[arg-type] # a literal

    created = LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))

    apps = ids(emulator)
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
    assert ids(emulator) == [stranger]
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
    apps = ids(emulator)
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
    delete_in_console(emulator, emulator.state()["apps"][0]["app_id"])
    run = run_at(emulator.url, emulator.access_token)
    # The first list is empty; the second one, after the create, fails for good.
    emulator.add_fault("status", method="GET", path=APPS, status=403, after=1)

    with pytest.raises(PermissionDeniedError):
        LIFECYCLE.create(Context(run), AppInputs(app_name="search"))

    assert emulator.state()["apps"] == []


def test_app_is_gone_only_if_the_organization_is_known(new_run: NewRun, emulator: Emulator) -> None:
    """With an empty list only the balance tells it, and this token can't read the balance."""
    created = LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))
    for app in emulator.state()["apps"]:
        delete_in_console(emulator, app["app_id"])
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
    assert ids(emulator) == [created.app_id]

    # Its answer is lost; the repetition's 404 is true, though the run had seen the app before.
    emulator.add_fault("drop_after", method="DELETE", path=f"{APPS}/{{app_id}}")
    run = new_run()
    run.apps.load()
    LIFECYCLE.delete(Context(run), created)
    assert ids(emulator) == []


def test_runs_on_one_machine_create_one_app(new_run: NewRun, emulator: Emulator) -> None:
    """Six runs have all seen that there is none before the first creates it."""
    runs = [new_run() for _ in range(6)]
    for run in runs:
        run.apps.load()

    with ThreadPoolExecutor(6) as threads:
        apps = list(threads.map(lambda run: LIFECYCLE.create(Context(run), ADOPT), runs))

    assert [{app.app_id} for app in apps] == [set(ids(emulator))] * 6
    assert emulator.state()["requests"][f"POST {APPS}"] == 1


@pytest.fixture
def console(emulator: Emulator) -> AccountApi:
    """Return a client that is no run's."""
    return api_at(emulator.url, emulator.access_token)


def test_lost_answer_adopts_what_has_appeared(
    new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """The app was asked for by its name, whoever has created it; the user is told its id."""
    emulator.add_fault("drop_after", method="POST", path=APPS)

    adopted = LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == [adopted.app_id]
    assert adopted.declared_existing
    assert any(adopted.app_id in told and "this stack adopts it" in told for told in said.infos)


@pytest.fixture
def theirs(run: Run, console: AccountApi, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let another machine create an app of the name just before each request of ours."""
    created: list[str] = []
    create_app = run.api.create_app

    def create(app_name: str) -> str:
        created.append(console.create_app(app_name))
        return create_app(app_name)

    monkeypatch.setattr(run.api, "create_app", create)
    return created


@pytest.fixture
def run(new_run: NewRun) -> Run:
    """Return a run that has listed the apps."""
    run = new_run()
    run.apps.load()
    return run


def test_lost_answer_with_an_app_of_somebody_else_is_refused(
    run: Run, emulator: Emulator, theirs: list[str]
) -> None:
    """Two new apps: which is meant can't be guessed, so both are named, and neither is deleted."""
    emulator.add_fault("drop_after", method="POST", path=APPS, after=1)

    with pytest.raises(LifecycleError, match="2 apps are named 'search'") as failure:
        LIFECYCLE.create(Context(run), ADOPT)

    assert len(ids(emulator)) == 2
    assert theirs[0] in ids(emulator)
    assert all(app_id in str(failure.value) for app_id in ids(emulator))


def test_lost_answer_adopts_an_app_of_somebody_else(
    run: Run, emulator: Emulator, theirs: list[str]
) -> None:
    """The program asked for it by its name, and will never delete it."""
    emulator.add_fault("status", method="POST", path=APPS, status=502, after=1)

    assert [LIFECYCLE.create(Context(run), ADOPT).app_id] == theirs == ids(emulator)


def test_apps_of_two_machines_both_stay(run: Run, emulator: Emulator, theirs: list[str]) -> None:
    """Nobody deletes an app in favour of another. The next stack that adopts must choose."""
    ours = LIFECYCLE.create(Context(run), ADOPT)

    assert {ours.app_id, *theirs} == set(ids(emulator))


def test_answers_that_are_always_lost_are_an_error(new_run: NewRun, emulator: Emulator) -> None:
    """Nothing was created, and nothing is left. The next run adopts what may have appeared."""
    emulator.add_fault("drop_before", method="POST", path=APPS, times=9)

    with pytest.raises(
        LifecycleError, match=r"another attempt failed .* or two of them.* Run again"
    ):
        LIFECYCLE.create(Context(new_run()), ADOPT)

    assert ids(emulator) == []


@pytest.fixture
def created(new_run: NewRun) -> AppState:
    """Return an app that the administrator has created."""
    return LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))


@pytest.fixture
def member(emulator: Emulator, said: Said) -> NewRun:
    """Return a way to begin a run of a member who sees only the member's own apps."""
    token = emulator.add_user()["access_token"]
    return lambda: run_at(emulator.url, token, said=said)


def test_key_is_revoked_only_for_its_creator_or_without_its_app() -> None:
    """All cases: 404 is a proof for the creator, and for everybody once the app is gone."""
    apps: tuple[Presence, ...] = ("listed", "gone", "unknown")
    found = {
        (app, reader, creator): is_revoked(app=app, reader=reader, creator=creator)
        for app, reader, creator in itertools.product(apps, ("anna", None), ("anna", "ben", None))
    }

    assert {case for case, answer in found.items() if answer == "unknown"} == {
        ("unknown", "anna", "ben"),
        ("unknown", "anna", None),
        ("unknown", None, "anna"),
        ("unknown", None, "ben"),
        ("unknown", None, None),
    }
    assert {case for case, answer in found.items() if answer == "probably"} == {
        ("listed", "anna", "ben")
    }


def test_mark_is_no_name_and_different_for_each_app() -> None:
    """It is a short hash, so states of two apps don't tell that it is the same person."""
    person = '["issuer", "anna@example.com"]'

    mark = mark_of(person, APP_ID)

    assert mark is not None
    assert re.fullmatch("[0-9a-f]{16}", mark)
    assert mark == mark_of(person, APP_ID.upper())
    assert len({mark, mark_of(person, "2"), mark_of("ben", APP_ID)}) == 3
    assert mark_of(None, APP_ID) is None


def test_marks_are_few_and_change_only_for_a_new_person() -> None:
    """A refresh by a person who is known leaves the state as it is."""
    assert with_mark(("a", "b"), "b") == ("a", "b")
    assert with_mark(("a",), None) == ("a",)
    marks: Marks = ()
    for number in range(100):
        marks = with_mark(marks, str(number))
    assert marks[0] == "99"
    assert len(marks) == 50


def test_state_of_an_earlier_version_is_kept_until_somebody_has_seen_it(
    created: AppState, new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """It has no marks. A refresh adds one; without it, a missing app stays, with a warning."""
    old = AppState.model_validate({**dict(created), "seen_by": ()})
    assert LIFECYCLE.read(Context(new_run()), old) == created

    delete_in_console(emulator, created.app_id)

    assert LIFECYCLE.read(Context(new_run()), old) == old
    assert len(said.warnings) == 1
    with pytest.raises(LifecycleError, match="isn't treated as gone"):
        LIFECYCLE.delete(Context(new_run()), old)


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ({}, {"status": 206}),
        ({"has_more": True}, {}),
        ({}, {"headers": {"Link": '</service/v1/apps?page=2>; rel="next"'}}),
        ({}, {"headers": {"Content-Type": "text/html"}}),
    ],
)
def test_part_of_a_list_proves_nothing(
    created: AppState,
    new_run: NewRun,
    emulator: Emulator,
    said: Said,
    *,
    more: dict[str, object],
    answer: dict[str, Any],
) -> None:
    """Not even for the person who has created the app. Nothing is taken over then either."""
    other, _ = emulator.state()["apps"]
    listed = {name: other[name] for name in ("app_id", "app_name")}
    listed |= {"org_id": emulator.org_id, "org_name": "Example Organization"}
    emulator.add_fault(
        "garbage",
        method="GET",
        path=APPS,
        body={"apps": [listed], **more},
        times=9,
        **answer,
    )

    assert LIFECYCLE.read(Context(new_run()), created) == created
    [warning] = said.warnings
    for words in (created.app_id, "stays in the state as it is", "isn't as the Account API"):
        assert words in warning
    with pytest.raises(LifecycleError, match=r"may lack apps: run again later"):
        LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search", adopt_existing=True))
    found = LIFECYCLE.look_up(Context(new_run()), other["app_id"])
    assert found.app_name == other["app_name"]
    delete_in_console(emulator, created.app_id)
    with pytest.raises(LifecycleError, match=r"answered 404.*isn't treated as gone.*may lack"):
        LIFECYCLE.delete(Context(new_run()), created)


def test_app_is_created_with_an_empty_list(new_run: NewRun, emulator: Emulator) -> None:
    """The balance tells the organization; a refresh finds its name."""
    emulator.add_fault("garbage", method="GET", path=APPS, body={"apps": []}, times=2)

    created = LIFECYCLE.create(Context(new_run()), AppInputs(app_name="search"))

    assert (created.org_id, created.org_name) == (emulator.org_id, "")
    refreshed = LIFECYCLE.read(Context(new_run()), created)
    assert refreshed is not None
    assert refreshed.org_name == "Example Organization"


def test_deletion_of_a_hidden_app_is_an_error(
    created: AppState, member: NewRun, new_run: NewRun, emulator: Emulator
) -> None:
    """404 for this member isn't 404 for all: the app stays in the state, and at the server."""
    emulator.set_settings(members_get_404=True)

    with pytest.raises(LifecycleError, match=r"answered 404.*isn't treated as gone") as failure:
        LIFECYCLE.delete(Context(member()), created)

    assert created.app_id in str(failure.value)
    assert created.app_id in [app["app_id"] for app in emulator.state()["apps"]]
    LIFECYCLE.delete(Context(new_run()), created)
    LIFECYCLE.delete(Context(new_run()), created)


def test_lost_answer_to_a_deletion_is_no_error_for_a_state_without_marks(
    created: AppState, new_run: NewRun, emulator: Emulator
) -> None:
    """The run lists the apps before it deletes: then its own list is the proof."""
    emulator.add_fault("drop_after", method="DELETE", path=f"{APPS}/{{app_id}}")

    LIFECYCLE.delete(Context(new_run()), created.model_copy(update={"seen_by": ()}))

    assert len(emulator.state()["apps"]) == 1


def test_hidden_key_is_not_revoked(
    created: AppState, new_run: NewRun, member: NewRun, emulator: Emulator
) -> None:
    """Its app is hidden too, so the 404 proves nothing, and the key stays in the state."""
    key = KEYS.create(Context(new_run()), ApiKeyInputs(app_id=created.app_id, api_key_name="ci"))
    emulator.set_settings(members_get_404=True)

    with pytest.raises(LifecycleError, match="isn't treated as gone"):
        KEYS.delete(Context(member()), key)

    KEYS.delete(Context(new_run()), key)
    KEYS.delete(Context(new_run()), key)


def test_key_of_another_person_that_does_not_exist_is_named(
    created: AppState, new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """The member sees the app, and 404 for the key: it counts as revoked, with a warning."""
    key = KEYS.create(Context(new_run()), ApiKeyInputs(app_id=created.app_id, api_key_name="ci"))
    emulator.set_settings(members_list_own_apps=False, members_get_404=True)
    member = run_at(emulator.url, emulator.add_user()["access_token"], said=said)

    KEYS.delete(Context(member), key)

    [warning] = said.warnings
    assert f"the key 'ci' ({key.api_key_id}) of app {created.app_id} doesn't exist" in warning
    assert "if it is still in the Parallel console, revoke it there" in warning


def test_member_creates_a_key_in_an_app_that_the_member_does_not_see(
    created: AppState, member: NewRun, emulator: Emulator, said: Said
) -> None:
    """It works without any app in the list, and the member's list is no proof for this key."""
    key = KEYS.create(Context(member()), ApiKeyInputs(app_id=created.app_id, api_key_name="ci"))

    assert (key.org_id, key.seen_by) == (emulator.org_id, ())
    assert KEYS.read(Context(member()), key) == key
    assert len(said.warnings) == 1


def test_several_people_in_one_run_prove_nothing(
    created: AppState, emulator: Emulator, said: Said
) -> None:
    """A source of tokens has changed to another person: nobody knows whose list it was."""
    run = run_at(emulator.url, emulator.access_token, said=said)
    delete_in_console(emulator, created.app_id)
    run.apps.load()
    assert run.api.person() is not None
    other = AccessToken(SecretStr(emulator.add_user()["access_token"]))
    run.api._identity.note_person(other)

    assert LIFECYCLE.read(Context(run), created) == created
    assert len(said.warnings) == 1
