"""Changes are sent only with tokens whose organization was verified, each with that very token."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from parallel_provider.api import (
    AccountApi,
    AuthenticationError,
    ConnectionFailedError,
    NoAnswerError,
    WrongOrganizationError,
)
from parallel_provider.api.retries import Patience
from parallel_provider.credentials.auth import BearerAuth
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.testing.emulator import Emulator

APPS, BALANCE, ADD = "/service/v1/apps", "/service/v1/balance", "/service/v1/balance/add"
KEY = "pulumi-0123456789"
THREADS = 8


class Tokens:
    """A source that gives one token after the other: when it is told to, or after a 401."""

    origin = "the test's source"

    def __init__(self, *values: str) -> None:
        self._values = [AccessToken(SecretStr(value)) for value in values]
        self._lock = threading.Lock()

    def get(self) -> AccessToken:
        """Return the present one."""
        return self._values[0]

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Return the next one, if the present one was rejected."""
        with self._lock:
            if self._values[0] == rejected:
                self.next()
            return self._values[0] if self._values[0] != rejected else None

    def next(self) -> None:
        """Let the next one be the present one, as near the end of a token's life."""
        if len(self._values) > 1:
            del self._values[0]

    def end_warning(self) -> str | None:
        """Return nothing to warn of."""
        return None


Connect = Callable[..., AccountApi]


@pytest.fixture
def connect(emulator: Emulator) -> Iterator[Connect]:
    """Give a function that makes a client of these tokens."""
    clients = []

    def make(tokens: Tokens, patience: Patience | None = None) -> AccountApi:
        patience = patience or Patience(attempts=2, first_wait_seconds=0.0)
        clients.append(AccountApi(emulator.url, lambda: BearerAuth(tokens), patience=patience))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def requests(emulator: Emulator) -> list[str]:
    """Return what the emulator was asked, in order."""
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
    """What the run knows would be a mixture of two organizations."""
    tokens = Tokens(emulator.access_token, emulator.add_org()["access_token"])
    api = connect(tokens)
    api.get_balance()
    tokens.next()

    for read in (api.list_apps, api.get_balance):
        with pytest.raises(WrongOrganizationError, match="this run began with"):
            read()


def test_known_token_is_not_asked_for_again(emulator: Emulator, connect: Connect) -> None:
    """A read tells its token's organization, and a renewed token is asked once."""
    tokens = Tokens(emulator.access_token, emulator.mint_token())
    api = connect(tokens)
    api.list_apps()
    api.create_app("a")
    tokens.next()
    api.create_app("b")
    api.create_app("c")

    create = f"POST {APPS}"
    assert requests(emulator) == [f"GET {APPS}", create, f"GET {BALANCE}", create, create]


def test_first_token_is_not_asked_for_without_an_expectation(
    emulator: Emulator, connect: Connect
) -> None:
    """There is nothing that it could be compared with."""
    connect(Tokens(emulator.access_token)).create_app("a")

    assert requests(emulator) == [f"POST {APPS}"]


def test_token_renewed_in_an_organization_without_apps_creates_nothing(
    emulator: Emulator, connect: Connect
) -> None:
    """An empty list doesn't tell whose it is, so that the next token can't be compared."""
    tokens = Tokens(emulator.access_token, emulator.add_org()["access_token"])
    api = connect(tokens)
    api.delete_app(api.list_apps()[0].app_id)
    api = connect(tokens)
    assert api.list_apps() == []
    tokens.next()

    with pytest.raises(WrongOrganizationError, match="run again"):
        api.create_app("a")

    assert f"POST {APPS}" not in requests(emulator)


def test_apps_tell_the_organization_where_the_balance_may_not_be_read(
    emulator: Emulator, connect: Connect
) -> None:
    """A token without balance:read can still be verified."""
    scopes = ["apps:read", "apps:create"]
    other = emulator.add_org()
    good = emulator.mint_token(scopes=scopes)
    bad = emulator.mint_token(scopes=scopes, org_id=other["org_id"])
    tokens = Tokens(good, bad)
    api = connect(tokens)
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")

    api.create_app("a")
    tokens.next()
    with pytest.raises(WrongOrganizationError, match="parallel:orgId allows"):
        api.create_app("b")

    assert requests(emulator)[:3] == [f"GET {BALANCE}", f"GET {APPS}", f"POST {APPS}"]
    assert f"POST {APPS}" not in requests(emulator)[3:]


def test_token_that_nothing_tells_the_organization_of_is_refused(
    emulator: Emulator, connect: Connect
) -> None:
    """The user expects an organization, and this may be any."""
    api = connect(Tokens(emulator.mint_token(scopes=["apps:create"])))
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")

    with pytest.raises(WrongOrganizationError, match="balance:read") as refused:
        api.create_app("a")

    assert not refused.value.may_have_worked
    assert f"POST {APPS}" not in requests(emulator)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "hang"])
def test_question_without_an_answer_leaves_the_change_unsent(
    emulator: Emulator, connect: Connect, kind: str
) -> None:
    """It is clear that nothing was created, and the call is tried again."""
    patience = Patience(attempts=1, deadline_seconds=2.0)
    api = connect(Tokens(emulator.access_token), patience)
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")
    emulator.add_fault(kind, path=BALANCE)  # type: ignore[arg-type] # a literal

    with pytest.raises(ConnectionFailedError) as failure:
        api.create_app("a")
    assert not failure.value.may_have_worked
    assert f"POST {APPS}" not in requests(emulator)

    api.create_app("a")
    assert requests(emulator).count(f"POST {APPS}") == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_question_to_a_busy_server_is_repeated(
    emulator: Emulator, connect: Connect, status: int
) -> None:
    """The change was not sent, so that it can be tried again, whatever it is."""
    api = connect(Tokens(emulator.access_token))
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")
    emulator.add_fault("status", path=BALANCE, status=status)

    api.create_app("a")

    assert requests(emulator) == [f"GET {BALANCE}", f"GET {BALANCE}", f"POST {APPS}"]


def test_token_refused_by_the_question_is_renewed_and_verified(
    emulator: Emulator, connect: Connect
) -> None:
    """The first one has ended; the second is asked for its organization too."""
    good, bad = emulator.mint_token(), emulator.add_org()["access_token"]
    for second, outcome in ((good, None), (bad, WrongOrganizationError)):
        api = connect(Tokens("eyJh.eyJi.ended", second))
        api.organizations.allow_only(emulator.org_id, "parallel:orgId")
        if outcome is None:
            api.create_app("a")
        else:
            with pytest.raises(outcome):
                api.create_app("a")
    api = connect(Tokens("eyJh.eyJi.ended"))
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")
    with pytest.raises(AuthenticationError):
        api.create_app("a")

    assert requests(emulator).count(f"POST {APPS}") == 1


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
    """No thread slips through while another one is asking."""
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
    """The guard's value stands in the refusal, unless it is a secret."""
    api = connect(Tokens(emulator.access_token))
    api.organizations.allow_only("eyJhbGci OiJIUzI1.abc def", "PARALLEL_ORG_ID")

    with pytest.raises(WrongOrganizationError, match="PARALLEL_ORG_ID allows") as refused:
        api.get_balance()

    assert not any(part in str(refused.value) for part in ("eyJ", "OiJIUzI1", "abc", "def'"))
