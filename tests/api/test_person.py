"""Which person an access token acts for, by its claims."""

from __future__ import annotations

import base64
import json

import pytest

from parallel_provider.api.person import TokenPeople, person_in


def token(**claims: object) -> str:
    """Return a JWT with these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{payload}.c2ln"


def test_person_is_the_subject_of_an_issuer() -> None:
    """Other claims change with each token; two issuers may give the same name."""
    anna = person_in(token(iss="a", sub="anna", exp=1))

    assert anna is not None
    assert anna == person_in(token(iss="a", sub="anna", exp=2, jti="x", scope="apps:read"))
    assert len({anna, person_in(token(iss="b", sub="anna")), person_in(token(sub="ben"))}) == 3


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"sub": None},
        {"sub": ""},
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
    assert person_in(token(**claims)) is None


@pytest.mark.parametrize("text", ["", "x", "e30.e30.test", "e30.!!.x", "e30.W10.x", "a." * 999])
def test_text_that_is_no_such_token_has_none(text: str) -> None:
    """No error: the server decides what a token is."""
    assert person_in(text) is None


def test_people_of_a_run_are_one_person_or_none() -> None:
    """Renewed tokens are of the same person; a second person, or an unknown one, makes it None."""
    people = TokenPeople()
    assert people.only_person() is None
    people.note("Bearer " + token(sub="anna", exp=1))
    people.note("Bearer " + token(sub="anna", exp=2))
    assert people.only_person() == person_in(token(sub="anna"))

    for other in (token(sub="ben"), token()):
        people = TokenPeople()
        people.note("Bearer " + token(sub="anna"))
        people.note("Bearer " + other)
        assert people.only_person() is None
