"""How the client asks for a token's organization, and how often."""

from __future__ import annotations

import pytest

from parallel_provider.api import (
    AuthenticationError,
    ConnectionFailedError,
    WrongOrganizationError,
)
from parallel_provider.api.timing import RetryPolicy
from parallel_provider.testing.emulator import Emulator
from tests.api.conftest import Connect, Tokens

APPS, BALANCE, ADD = "/service/v1/apps", "/service/v1/balance", "/service/v1/balance/add"
KEY = "pulumi-0123456789"
THREADS = 8


def requests(emulator: Emulator) -> list[str]:
    """Return the requests that the emulator got, in order."""
    return [f"{entry['method']} {entry['path']}" for entry in emulator.state()["log"]]


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
    """There is no organization to compare it with."""
    connect(Tokens(emulator.access_token)).create_app("a")

    assert requests(emulator) == [f"POST {APPS}"]


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
    """The user expects an organization, and the token may belong to any."""
    api = connect(Tokens(emulator.mint_token(scopes=["apps:create"])))
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")

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
    """The change was not sent, so any change can be tried again."""
    api = connect(Tokens(emulator.access_token))
    api.organizations.allow_only(emulator.org_id, "parallel:orgId")
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
