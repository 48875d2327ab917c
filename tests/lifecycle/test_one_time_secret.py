"""Keys whose answer was lost: one that counts, and a word about the other."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from parallel_provider.api import CreatedApiKey, WrongOrganizationError
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import AppState
from parallel_provider.lifecycle.keys import (
    APP_KEYS,
    ApiKeyInputs,
    ApiKeyLifecycle,
    NewSecret,
    SecretId,
    SecretPlace,
    believed_time,
    create_secret,
    revoke_secret,
)
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.model import plain
from parallel_provider.testing.emulator import Emulator
from tests.lifecycle.runs import Clock, Said, run_at

KEYS = "/service/v1/apps/{app_id}/keys"
NO_SUCH_APP = "00000000-0000-4000-8000-000000000000"
NewRun = Callable[[], Run]


def create_key(run: Run, app_id: str, api_key_name: str) -> NewSecret:
    """Create a key as the resources do."""
    return create_secret(Context(run), APP_KEYS, app_id, api_key_name)


@pytest.fixture
def app_id(emulator: Emulator) -> str:
    """Return the app that every organization has."""
    return emulator.state()["apps"][0]["app_id"]


def test_key_is_minted_without_a_word(new_run: NewRun, app_id: str, said: Said) -> None:
    """The usual case."""
    key = create_key(new_run(), app_id, "ci")

    assert key.app_id == app_id
    assert said.warnings == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "garbage"])
def test_lost_answer_is_followed_by_one_more_attempt(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said, kind: str
) -> None:
    """The warning names the key that counts, its name and its app, so that the other is found."""
    emulator.add_fault(kind, path=KEYS)  # type: ignore[arg-type] # a literal

    key = create_key(new_run(), app_id, "ci")

    [warning] = said.warnings
    for words in ("'ci'", app_id, key.secret_id, "revoke only what none of them has"):
        assert words in warning
    assert key.raw.get_secret_value() not in warning
    assert emulator.state()["requests"][f"POST {KEYS}"] == 2


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ("drop_after", ("up to two keys named 'ci'", "To end them, look in the Parallel console")),
        (
            "status",
            ("a key named 'ci'", "To end it, look in the Parallel console", "Then run again"),
        ),
    ],
)
def test_second_failure_says_which_key_to_look_for(
    new_run: NewRun, emulator: Emulator, app_id: str, second: str, says: tuple[str, ...]
) -> None:
    """Whatever became of the second attempt, the first one's key may exist."""
    emulator.add_fault("drop_after", path=KEYS)
    emulator.add_fault(second, path=KEYS, status=403)  # type: ignore[arg-type] # a literal

    with pytest.raises(LifecycleError) as failure:
        create_key(new_run(), app_id, "ci")

    for words in (*says, app_id):
        assert words in str(failure.value)


def test_key_of_a_missing_app_says_what_to_do(new_run: NewRun) -> None:
    """A 404 alone doesn't tell what it is that isn't there."""
    with pytest.raises(LifecycleError, match=rf"no app {NO_SUCH_APP} .*`pulumi refresh`"):
        create_key(new_run(), NO_SUCH_APP, "ci")


def test_answer_about_another_app_is_refused(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """A key that isn't what was asked for mustn't be taken for it; the error names it."""
    other = plain(new_run().api.create_key(app_id, "other"))
    emulator.add_fault(
        "garbage", path=KEYS, body={**other, "app_id": NO_SUCH_APP, "raw_api_key": "hush-hush"}
    )

    with pytest.raises(
        LifecycleError, match=rf"{other['api_key_id']}\) of app {app_id} .* belongs to app"
    ) as failure:
        create_key(new_run(), app_id, "ci")

    assert "hush-hush" not in str(failure.value)


@pytest.mark.parametrize(
    "odd",
    [
        {"app_id": json.dumps(NO_SUCH_APP)},
        {"app_name": '"half a pair: \\ud800"'},
        {"display_value": '"\\udfff"'},
        {"raw_api_key": '"hush-hush \\ud800"'},
        {"created_at": "1" + "0" * 400},
        {"created_at": "NaN"},
        {"created_at": "-1"},
        {"created_at": "1796083140000"},
    ],
)
def test_key_whose_answer_is_odd_is_revoked_again(
    new_run: NewRun, emulator: Emulator, app_id: str, odd: dict[str, str]
) -> None:
    """What can't be kept is refused at once; the error names the key and holds no secret."""
    emulator.add_fault("odd", path=KEYS, replace=odd)

    with pytest.raises(LifecycleError, match="It was revoked again") as failure:
        create_key(new_run(), app_id, "ci")

    [key] = emulator.state()["keys"]
    assert key["revoked_at"] is not None
    assert f"the key 'ci' ({key['api_key_id']}) of app {app_id} can't be used" in str(failure.value)
    assert "hush-hush" not in str(failure.value)


@pytest.mark.parametrize(
    ("stated", "answered_at", "here", "believed"),
    [
        (1_000_000, 1_000_300.0, 0.0, 1_000_000),
        (1_000_000, 999_700.0, 0.0, 1_000_000),
        (1_000_000, 1_000_301.0, 0.0, 1_000_301),
        (1_000_000, 999_699.0, 0.0, 1_000_000),
        (1_000_000, None, 1_000_301.5, 1_000_301),
        (1_000_000, None, 1_000_299.5, 1_000_000),
        (0, 253_402_300_799.0, 0.0, 32_503_680_000),
    ],
)
def test_later_of_two_different_times_is_believed(
    stated: int, answered_at: float | None, here: float, believed: int
) -> None:
    """Five minutes are no difference. This machine's clock counts for an answer without a date."""
    assert believed_time(stated, answered_at, here) == believed


def test_date_of_the_answer_counts_for_a_wrong_creation_time(
    emulator: Emulator, app_id: str, said: Said
) -> None:
    """It is the date of the very answer that has the key."""
    clock = Clock(2_000_000_000.0)
    run = run_at(emulator.url, emulator.access_token, said=said, clock=clock)
    emulator.add_fault("odd", path=KEYS, replace={"created_at": "1500000000"})
    emulator.set_clock(0)
    run.api.list_apps()
    emulator.set_clock(86_400)

    key = create_key(run, app_id, "ci")

    [created] = emulator.state()["keys"]
    assert abs(key.created_at - created["created_at"]) <= 1
    [warning] = said.warnings
    assert "'ci' was created at another time" in warning


def test_key_that_cannot_be_revoked_again_is_named(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """Name, id and app are told."""
    emulator.add_fault("odd", path=KEYS, replace={"created_at": "-1"})
    emulator.add_fault("status", method="DELETE", status=403)

    with pytest.raises(LifecycleError, match="couldn't be revoked again either") as failure:
        create_key(new_run(), app_id, "ci")

    [key] = emulator.state()["keys"]
    assert f"the key 'ci' ({key['api_key_id']}) of app {app_id}" in str(failure.value)
    assert "revoke it in the Parallel console" in str(failure.value)


def test_key_whose_id_is_odd_is_named_by_its_name(
    new_run: NewRun, emulator: Emulator, app_id: str, said: Said
) -> None:
    """An id that can't be sent names nothing: a second key is made, and the warning says so."""
    emulator.add_fault("odd", path=KEYS, replace={"api_key_id": '".."'})

    key = create_key(new_run(), app_id, "ci")

    [before] = said.infos
    assert f"a key named 'ci' that nobody holds may exist in app {app_id}" in before
    [warning] = said.warnings
    assert f"and isn't {key.secret_id}. Other stacks" in warning


def test_app_id_in_capitals_is_the_same_app(new_run: NewRun, app_id: str) -> None:
    """UUIDs are compared without regard to case."""
    run = new_run()
    ask = run.api.create_key

    def answer(app_id: str, api_key_name: str) -> CreatedApiKey:
        return ask(app_id, api_key_name).model_copy(update={"app_id": app_id.upper()})

    run.api.create_key = answer  # type: ignore[method-assign] # an answer with the real id

    assert create_key(run, app_id, "ci").app_id == app_id.upper()


def test_revoking_what_is_gone_succeeds_only_for_its_organization(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """Another organization's 404 says nothing."""
    key = create_key(new_run(), app_id, "ci")
    other = run_at(emulator.url, emulator.add_org()["access_token"])

    place = SecretPlace(
        AppState(app_id=app_id, app_name="search", org_id=emulator.org_id, org_name="")
    )
    secret = SecretId(key.secret_id, "ci")

    with pytest.raises(WrongOrganizationError):
        revoke_secret(Context(other), APP_KEYS, place, secret)
    for _ in range(2):
        revoke_secret(Context(new_run()), APP_KEYS, place, secret)


def test_odd_name_of_an_app_does_not_break_a_refresh(
    new_run: NewRun, emulator: Emulator, app_id: str
) -> None:
    """A key whose app has a name that isn't valid text keeps the name that is known."""
    lifecycle = ApiKeyLifecycle()
    state = lifecycle.create(Context(new_run()), ApiKeyInputs(app_id=app_id, api_key_name="ci"))
    app = {"app_id": app_id, "app_name": "\ud800", "org_id": emulator.org_id, "org_name": "Org"}
    emulator.add_fault("garbage", path="/service/v1/apps", body=json.dumps({"apps": [app]}))

    assert lifecycle.read(Context(new_run()), state) == state
