"""Changes are sent only with a token of the expected organization; a run knows its one person."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from parallel_provider.api import (
    AccountApi,
    AuthenticationError,
    ConnectionFailedError,
    NoAnswerError,
    RetryPolicy,
    WrongOrganizationError,
)
from parallel_provider.api.identity import Identity
from parallel_provider.credentials.tokens import AccessToken
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
        api.allow_only(emulator.org_id, "parallel:orgId")
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
    api.allow_only("eyJhbGci OiJIUzI1.abc def", "PARALLEL_ORG_ID")

    with pytest.raises(WrongOrganizationError, match="PARALLEL_ORG_ID allows") as refused:
        api.get_balance()

    assert not any(part in str(refused.value) for part in ("eyJ", "OiJIUzI1", "abc", "def'"))


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
    api.allow_only(emulator.org_id, "parallel:orgId")

    api.create_app("a")
    tokens.next()
    with pytest.raises(WrongOrganizationError, match="parallel:orgId allows"):
        api.create_app("b")

    assert requests(emulator)[:3] == [f"GET {BALANCE}", f"GET {APPS}", f"POST {APPS}"]
    assert f"POST {APPS}" not in requests(emulator)[3:]


def test_token_that_nothing_tells_the_organization_of_is_refused(
    emulator: Emulator, connect: Connect
) -> None:
    """The user expects an organization, and the token may belong to any."""
    api = connect(Tokens(emulator.mint_token(scopes=["apps:create"])))
    api.allow_only(emulator.org_id, "parallel:orgId")

    with pytest.raises(WrongOrganizationError, match="balance:read") as refused:
        api.create_app("a")

    assert not refused.value.may_have_worked
    assert f"POST {APPS}" not in requests(emulator)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "truncate", "hang", "endless"])
def test_question_without_an_answer_leaves_the_change_unsent(
    emulator: Emulator, connect: Connect, kind: str
) -> None:
    """The error says that nothing was created, and the next call works."""
    retry_policy = RetryPolicy(attempts=1, deadline_seconds=2.0)
    api = connect(Tokens(emulator.access_token), retry_policy)
    api.allow_only(emulator.org_id, "parallel:orgId")
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
    """The change was not sent, so any change can be tried again."""
    api = connect(Tokens(emulator.access_token))
    api.allow_only(emulator.org_id, "parallel:orgId")
    emulator.add_fault("status", path=BALANCE, status=status)

    api.create_app("a")

    assert requests(emulator) == [f"GET {BALANCE}", f"GET {BALANCE}", f"POST {APPS}"]


def test_token_refused_by_the_question_is_renewed_and_verified(
    emulator: Emulator, connect: Connect
) -> None:
    """The first token has expired; the organization of the second one is checked too."""
    good, bad = emulator.mint_token(), emulator.add_org()["access_token"]
    for second, outcome in ((good, None), (bad, WrongOrganizationError)):
        api = connect(Tokens("eyJh.eyJi.ended", second))
        api.allow_only(emulator.org_id, "parallel:orgId")
        if outcome is None:
            api.create_app("a")
        else:
            with pytest.raises(outcome):
                api.create_app("a")
    api = connect(Tokens("eyJh.eyJi.ended"))
    api.allow_only(emulator.org_id, "parallel:orgId")
    with pytest.raises(AuthenticationError):
        api.create_app("a")

    assert requests(emulator).count(f"POST {APPS}") == 1


def token(**claims: object) -> AccessToken:
    """Return a token with these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return AccessToken(SecretStr(f"e30.{payload}.c2ln"))


def person_of(*tokens: AccessToken) -> str | None:
    """Return the person of a run that sends these tokens."""
    identity = Identity()
    for one in tokens:
        identity.note_person(one)
    return identity.person()


def test_person_is_the_subject_of_an_issuer() -> None:
    """Other claims change with each token; two issuers may give the same name."""
    anna = person_of(token(iss="a", sub="anna", exp=1))

    assert anna is not None
    assert anna == person_of(token(iss="a", sub="anna", exp=2, jti="x", scope="apps:read"))
    assert len({anna, person_of(token(iss="b", sub="anna")), person_of(token(sub="ben"))}) == 3


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": None},
        {"sub": " "},
        {"sub": 5},
        {"sub": ["anna"]},
        {"sub": "client", "client_id": "client"},
        {"sub": "client", "azp": "client"},
        {"sub": "org", "org_id": "org"},
    ],
)
def test_token_that_names_no_person_has_none(claims: dict[str, object]) -> None:
    """The subject of a program's own token is the program (RFC 9068)."""
    assert person_of(token(**claims)) is None


@pytest.mark.parametrize("text", ["x", "e30.e30.test", "e30.!!.x", "e30.W10.x", "a." * 999])
def test_text_that_is_no_such_token_has_none(text: str) -> None:
    """No error: the server decides what a token is."""
    assert person_of(AccessToken(SecretStr(text))) is None


def test_people_of_a_run_are_one_person_or_none() -> None:
    """Renewed tokens are of the same person; a second person, or an unknown one, makes it None."""
    anna = token(sub="anna", exp=1)
    assert person_of() is None
    assert person_of(anna, token(sub="anna", exp=2)) == person_of(anna)
    for other in (token(sub="ben"), token()):
        assert person_of(anna, other) is None
