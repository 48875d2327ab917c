"""Changes are sent only with a token of the expected organization."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from parallel_provider.api import (
    AccountApi,
    NoAnswerError,
    WrongOrganizationError,
)
from parallel_provider.testing.emulator import Emulator
from tests.api.conftest import Connect, Tokens

APPS, BALANCE, ADD = "/service/v1/apps", "/service/v1/balance", "/service/v1/balance/add"
KEY = "pulumi-0123456789"
THREADS = 8


def requests(emulator: Emulator) -> list[str]:
    """Return the requests that the emulator got, in order."""
    return [f"{entry['method']} {entry['path']}" for entry in emulator.state()["log"]]


def changes_of(api: AccountApi, app_id: str) -> list[Callable[[], object]]:
    """Return all calls that change something."""
    return [
        lambda: api.create_app("search"),
        lambda: api.create_key(app_id, "ci"),
        lambda: api.delete_key(app_id, app_id),
        lambda: api.delete_app(app_id),
        lambda: api.add_balance(500, KEY),
    ]


@pytest.mark.parametrize("guarded", [True, False])
def test_no_change_is_sent_with_another_organizations_token(
    emulator: Emulator, connect: Connect, *, guarded: bool
) -> None:
    """The token was renewed between two requests, without a 401."""
    tokens = Tokens(emulator.access_token, emulator.add_org()["access_token"])
    api = connect(tokens)
    if guarded:
        api.organizations.allow_only(emulator.org_id, "parallel:orgId")
    app_id = api.list_apps()[0].app_id
    tokens.next()
    before = len(requests(emulator))

    for change in changes_of(api, app_id):
        with pytest.raises(WrongOrganizationError, match=emulator.org_id) as refused:
            change()
        assert not refused.value.may_have_worked

    assert set(requests(emulator)[before:]) == {f"GET {BALANCE}"}


def test_nothing_of_another_organization_is_read(emulator: Emulator, connect: Connect) -> None:
    """Otherwise the run would mix the data of two organizations."""
    tokens = Tokens(emulator.access_token, emulator.add_org()["access_token"])
    api = connect(tokens)
    api.get_balance()
    tokens.next()

    for read in (api.list_apps, api.get_balance):
        with pytest.raises(WrongOrganizationError, match="this run began with"):
            read()


def test_token_renewed_in_an_organization_without_apps_creates_nothing(
    emulator: Emulator, connect: Connect
) -> None:
    """An empty list names no organization, so the next token can't be compared with it."""
    tokens = Tokens(emulator.access_token, emulator.add_org()["access_token"])
    api = connect(tokens)
    api.delete_app(api.list_apps()[0].app_id)
    api = connect(tokens)
    assert api.list_apps() == []
    tokens.next()

    with pytest.raises(WrongOrganizationError, match="run again"):
        api.create_app("a")

    assert f"POST {APPS}" not in requests(emulator)


def test_change_refused_with_401_is_not_repeated_with_another_organizations_token(
    emulator: Emulator, connect: Connect
) -> None:
    """The renewed token is verified before the change is sent again."""
    api = connect(Tokens(emulator.access_token, emulator.add_org()["access_token"]))
    api.list_apps()
    emulator.add_fault("status", method="POST", path=APPS, status=401)

    with pytest.raises(WrongOrganizationError):
        api.create_app("a")

    assert requests(emulator) == [f"GET {APPS}", f"POST {APPS}", f"GET {BALANCE}"]


def test_doubt_about_a_charge_outlasts_a_token_of_another_organization(
    emulator: Emulator, connect: Connect
) -> None:
    """The first attempt may have charged the right card, and the second wasn't sent."""
    other = emulator.add_org()
    tokens = Tokens(emulator.access_token, other["access_token"])
    api = connect(tokens)
    api.get_balance()
    emulator.add_fault("drop_after", path=ADD)
    emulator.add_fault("status", path=ADD, status=401)

    with pytest.raises(NoAnswerError, match=r"got no answer.*this run began with"):
        api.add_balance(500, KEY)

    assert len(emulator.state()["charges"]) == 1
    assert emulator.state(other["org_id"])["charges"] == []


def test_threads_that_renew_at_once_all_verify_what_they_send(
    emulator: Emulator, connect: Connect
) -> None:
    """No thread sends its change while another one checks the token."""
    other = emulator.add_org()
    api = connect(Tokens(emulator.access_token, other["access_token"]))
    api.list_apps()
    emulator.add_fault("status", method="POST", path=APPS, status=401, times=THREADS)
    together = threading.Barrier(THREADS, timeout=30)

    def create(number: int) -> str:
        together.wait()
        with pytest.raises(WrongOrganizationError):
            api.create_app(f"app-{number}")
        return "refused"

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(create, range(THREADS))) == ["refused"] * THREADS

    for org_id in (emulator.org_id, other["org_id"]):
        assert len(emulator.state(org_id)["apps"]) == 1


def test_token_pasted_as_the_organization_is_not_quoted(
    emulator: Emulator, connect: Connect
) -> None:
    """The error shows the value of the setting, unless it is a secret."""
    api = connect(Tokens(emulator.access_token))
    api.organizations.allow_only("eyJhbGci OiJIUzI1.abc def", "PARALLEL_ORG_ID")

    with pytest.raises(WrongOrganizationError, match="PARALLEL_ORG_ID allows") as refused:
        api.get_balance()

    assert not any(part in str(refused.value) for part in ("eyJ", "OiJIUzI1", "abc", "def'"))
