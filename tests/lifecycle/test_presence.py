"""Whether an app or a key is gone: by who lists the apps, and who has seen it before."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from parallel_provider.api import NotFoundError
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import (
    AppInputs,
    AppLifecycle,
    AppState,
    Marks,
    Proof,
    is_gone,
    is_revoked,
    mark_of,
    unproven_error,
    with_mark,
)
from parallel_provider.lifecycle.keys import ApiKeyInputs, ApiKeyLifecycle
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Said, api_at, run_at

APPS = AppLifecycle()
KEYS = ApiKeyLifecycle()
APPS_PATH = "/service/v1/apps"
APP_ID = "11111111-1111-4111-8111-111111111111"
NewRun = Callable[[], Run]


@pytest.fixture
def created(new_run: NewRun) -> AppState:
    """Return an app that the administrator has created."""
    return APPS.create(Context(new_run()), AppInputs(app_name="search"))


@pytest.fixture
def member(emulator: Emulator, said: Said) -> NewRun:
    """Return a way to begin a run of a member who sees only the member's own apps."""
    token = emulator.add_user()["access_token"]
    emulator.set_settings(members_list_own_apps=True)
    return lambda: run_at(emulator.url, token, said=said)


def delete_in_console(emulator: Emulator, app_id: str) -> None:
    """Delete an app as the administrator, without Pulumi."""
    api_at(emulator.url, emulator.access_token).delete_app(app_id)


@pytest.mark.parametrize(
    ("reader", "seen_by", "gone"),
    [
        ("anna", ("anna",), True),
        ("anna", ("ben", "anna"), True),
        ("anna", ("ben",), False),
        ("anna", (), False),
        (None, ("anna",), False),
        (None, (), False),
    ],
)
def test_app_is_gone_only_for_a_person_who_has_seen_it(
    reader: str | None, seen_by: Marks, gone: bool
) -> None:
    """A list of somebody else, or of nobody known, proves nothing."""
    assert is_gone(list_is_complete=True, reader=reader, seen_by=seen_by) is gone
    assert not is_gone(list_is_complete=False, reader=reader, seen_by=seen_by)


def test_key_is_revoked_only_for_its_creator_or_without_its_app() -> None:
    """All cases: 404 is a proof for the creator, and for everybody once the app is gone."""
    apps: tuple[Proof, ...] = ("listed", "gone", "unknown")
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


def test_narrower_list_keeps_the_app_and_its_keys(
    created: AppState, new_run: NewRun, member: NewRun, emulator: Emulator, said: Said
) -> None:
    """One warning for all of them says what to do, and the same person's list is still a proof."""
    key = KEYS.create(Context(new_run()), ApiKeyInputs(app_id=created.app_id, api_key_name="ci"))
    run = member()

    assert APPS.read(Context(run), created) == created
    assert KEYS.read(Context(run), key) == key

    [warning] = said.warnings
    for words in (created.app_id, "'search'", "stays in the state", "`pulumi state delete`"):
        assert words in warning
    delete_in_console(emulator, created.app_id)
    assert APPS.read(Context(member()), created) == created
    assert APPS.read(Context(new_run()), created) is None
    assert KEYS.read(Context(new_run()), key) is None


def test_person_who_sees_the_app_can_prove_later_that_it_is_gone(
    created: AppState, new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """A refresh notes a second person; then either of them can."""
    token = emulator.add_user()["access_token"]
    refreshed = APPS.read(Context(run_at(emulator.url, token, said=said)), created)
    assert refreshed is not None
    assert len(refreshed.seen_by) == 2
    assert APPS.read(Context(new_run()), refreshed) == refreshed

    delete_in_console(emulator, created.app_id)

    assert APPS.read(Context(run_at(emulator.url, token, said=said)), created) == created
    assert APPS.read(Context(run_at(emulator.url, token, said=said)), refreshed) is None
    assert APPS.read(Context(new_run()), refreshed) is None


def test_state_of_an_earlier_version_is_kept_until_somebody_has_seen_it(
    created: AppState, new_run: NewRun, emulator: Emulator, said: Said
) -> None:
    """It has no marks. A refresh adds one; without it, a missing app stays, with a warning."""
    old = AppState.model_validate({**dict(created), "seen_by": ()})
    assert APPS.read(Context(new_run()), old) == created

    delete_in_console(emulator, created.app_id)

    assert APPS.read(Context(new_run()), old) == old
    assert len(said.warnings) == 1
    with pytest.raises(LifecycleError, match="isn't treated as gone"):
        APPS.delete(Context(new_run()), old)


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
        path=APPS_PATH,
        body={"apps": [listed], **more},
        times=9,
        **answer,
    )

    assert APPS.read(Context(new_run()), created) == created
    [warning] = said.warnings
    for words in (created.app_id, "stays in the state as it is", "isn't as the Account API"):
        assert words in warning
    with pytest.raises(LifecycleError, match=r"may lack apps: run again later"):
        APPS.create(Context(new_run()), AppInputs(app_name="search", adopt_existing=True))
    found = APPS.look_up(Context(new_run()), other["app_id"])
    assert found.app_name == other["app_name"]
    delete_in_console(emulator, created.app_id)
    with pytest.raises(LifecycleError, match=r"answered 404.*isn't treated as gone.*may lack"):
        APPS.delete(Context(new_run()), created)


def test_ids_in_upper_case_are_the_same(
    created: AppState, new_run: NewRun, emulator: Emulator
) -> None:
    """A list with such ids drops nothing, and the state keeps the id that it has."""
    key = KEYS.create(Context(new_run()), ApiKeyInputs(app_id=created.app_id, api_key_name="ci"))
    emulator.add_fault(
        "odd",
        method="GET",
        path=APPS_PATH,
        times=3,
        replace={"apps.1.app_id": f'"{created.app_id.upper()}"'},
    )

    assert APPS.read(Context(new_run()), created) == created
    assert KEYS.read(Context(new_run()), key) == key
    adopted = APPS.create(Context(new_run()), AppInputs(app_name="search", adopt_existing=True))
    assert adopted.app_id == created.app_id


def test_app_is_created_with_an_empty_list(new_run: NewRun, emulator: Emulator) -> None:
    """The balance tells the organization; a refresh finds its name."""
    emulator.add_fault("garbage", method="GET", path=APPS_PATH, body={"apps": []}, times=2)

    created = APPS.create(Context(new_run()), AppInputs(app_name="search"))

    assert (created.org_id, created.org_name) == (emulator.org_id, "")
    refreshed = APPS.read(Context(new_run()), created)
    assert refreshed is not None
    assert refreshed.org_name == "Example Organization"


def test_deletion_of_a_hidden_app_is_an_error(
    created: AppState, member: NewRun, new_run: NewRun, emulator: Emulator
) -> None:
    """404 for this member isn't 404 for all: the app stays in the state, and at the server."""
    emulator.set_settings(members_get_404=True)

    with pytest.raises(LifecycleError, match=r"answered 404.*isn't treated as gone") as failure:
        APPS.delete(Context(member()), created)

    assert created.app_id in str(failure.value)
    assert created.app_id in [app["app_id"] for app in emulator.state()["apps"]]
    APPS.delete(Context(new_run()), created)
    APPS.delete(Context(new_run()), created)


def test_lost_answer_to_a_deletion_is_no_error_for_a_state_without_marks(
    created: AppState, new_run: NewRun, emulator: Emulator
) -> None:
    """The run lists the apps before it deletes: then its own list is the proof."""
    emulator.add_fault("drop_after", method="DELETE", path=f"{APPS_PATH}/{{app_id}}")

    APPS.delete(Context(new_run()), created.model_copy(update={"seen_by": ()}))

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
    emulator.set_settings(members_get_404=True)
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

    assert APPS.read(Context(run), created) == created
    assert len(said.warnings) == 1


def test_texts_are_one_line_and_say_what_to_do(new_run: NewRun) -> None:
    """The error for a deletion has the reason and the way out."""
    state = AppState(app_id=APP_ID, app_name="search", org_id="org", org_name="")
    cause = NotFoundError("DELETE /x answered 404 (Not found)", status_code=404)

    text = str(unproven_error(new_run(), cause, state))

    assert "\n" not in text
    for words in ("answered 404", APP_ID, "'search'", "as an administrator", "state delete"):
        assert words in text
