"""Answers of the token endpoint with a wrong value in one field: their tokens are never lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.oauth import SignInServer
from parallel_provider.credentials.oauth_models import TokenGrant, read_json
from parallel_provider.credentials.refresh import Refresh
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError
from parallel_provider.testing.emulator import Emulator
from tests.credentials.scripted_refresh import NOW, ScriptedRefresh

TOKEN = "/getServiceKeys/token"
ANSWER: dict[str, Any] = {
    "access_token": "access-1",
    "refresh_token": "refresh-1",
    "token_type": "Bearer",
    "expires_in": 420,
    "refresh_token_expires_in": 3600,
    "authorization_expires_in": 7200,
    "org_id": "org_1",
    "org_name": "One",
    "scope": "apps:read",
}
MISSING = object()
ODD: list[Any] = [
    MISSING, None, "", " ", "nan", "x" * 5000, "\ud800", 0, -1, 1.5, 1e308, -1e308, 10**400,
    float("nan"), float("inf"), True, [], ["a"], {}, {"a": 1},
]  # fmt: skip
TOKENS = ("access_token", "refresh_token")
mutations = pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, id=f"{field}-{number}")
        for field in ANSWER
        for number, value in enumerate(ODD)
        if not (field == "org_id" and isinstance(value, str) and value.startswith(("n", "x")))
    ],
)


def mutated(field: str, value: object) -> dict[str, Any]:
    """Return the server's answer with another value in one field."""
    return {k: v for k, v in {**ANSWER, field: value}.items() if v is not MISSING}


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedRefresh:
    """Give a refresh whose stored access token, number 0, has expired."""
    scripted = ScriptedRefresh(tmp_path / "auth.json", [])
    scripted.write(0, NOW - 60)
    return scripted


@pytest.fixture
def server(emulator: Emulator) -> Iterator[SignInServer]:
    """Give the client of the emulator's sign-in."""
    with SignInServer(emulator.url) as server:
        yield server


@mutations
def test_pair_of_an_answer_with_one_wrong_field_is_stored(
    scripted: ScriptedRefresh, field: str, value: object
) -> None:
    """Whatever value a field has, each token that can be used is stored."""
    scripted.answers = [TokenGrant.read(read_json(json.dumps(mutated(field, value)).encode()))]
    unusable_access = field == "access_token" and value not in ("nan", "x" * 5000)
    if unusable_access:
        with pytest.raises(CredentialsError, match="refresh token is stored: try again"):
            scripted.run()
    else:
        scripted.run()
        assert scripted.tokens["access_token"] == ("access-1" if field != "access_token" else value)
    if field != "refresh_token":
        assert scripted.tokens["refresh_token"] == "refresh-1"
    else:
        usable = value in ("nan", "x" * 5000)
        assert scripted.tokens["refresh_token"] == (value if usable else "refresh-0")
    # The stored file can be read again, and its token refreshed again.
    assert SignInFile(scripted.path).read().tokens("org_1").refresh_token is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [("scope", None), ("org_id", MISSING), ("org_name", 7), ("expires_in", -1), ("expires_in", "")],
)
def test_answer_with_one_wrong_field_is_stored_over_http(
    scripted: ScriptedRefresh, emulator: Emulator, server: SignInServer, field: str, value: object
) -> None:
    """The same over HTTP: the file has the refresh token that the server sent."""
    emulator.add_fault("status", path=TOKEN, status=200, body=mutated(field, value))
    refresh = Refresh(SignInFile(scripted.path), "org_1", server)
    refresh.ensure_token_other_than(fingerprint(SecretStr("access-0")))
    assert scripted.tokens["refresh_token"] == "refresh-1"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(ANSWER).replace("420", "9" * 10_000).encode(),
        json.dumps(ANSWER).replace("One", "\xff").encode("latin-1"),
        b"\xef\xbb\xbf" + json.dumps(ANSWER).encode(),
    ],
    ids=["number of 10,000 digits", "no UTF-8", "byte order mark"],
)
def test_answer_that_python_would_not_read_has_its_tokens(body: bytes) -> None:
    """An impossible number or name beside the tokens doesn't lose them."""
    grant = TokenGrant.read(read_json(body))
    assert grant.refresh_token == SecretStr("refresh-1")


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"access_token": "", "refresh_token": 5}])
def test_answer_without_any_token_is_refused(answer: object) -> None:
    """Without any token, there is nothing to store."""
    with pytest.raises(ValueError, match=r"JSON object|no access_token"):
        TokenGrant.read(answer)


def test_impossible_lifetime_counts_as_unknown(scripted: ScriptedRefresh) -> None:
    """A token with an impossible lifetime is stored as one that doesn't expire."""
    scripted.answers = [TokenGrant.read(mutated("expires_in", -5))]
    scripted.run()
    assert scripted.tokens["access_token_expires_at"] is None
