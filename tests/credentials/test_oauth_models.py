"""Answers of the token endpoint with a wrong value in one field: no refresh token is lost."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from parallel_provider.credentials.oauth import SignInServer, TokenGrant, read_refreshed
from parallel_provider.credentials.refresh import Refresh
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError, SignInUnavailableError
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
    MISSING, None, "", "x" * 5000, "\ud800", -1, 1e308, 10**400, float("nan"), True, ["a"],
]  # fmt: skip
mutations = pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, id=f"{field}-{number}")
        for field in ANSWER
        for number, value in enumerate(ODD)
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


def read(content: bytes) -> TokenGrant:
    """Read an answer to a refresh."""
    return read_refreshed(
        httpx.Response(200, content=content, request=httpx.Request("POST", "http://host/token"))
    )


@mutations
def test_successor_of_an_answer_with_one_wrong_field_is_stored(
    scripted: ScriptedRefresh, field: str, value: object
) -> None:
    """Whatever value a field has, the refresh token is stored, and no odd access token is."""
    try:
        scripted.answers = [read(json.dumps(mutated(field, value)).encode())]
    except SignInUnavailableError:
        # Nothing to store: the refresh token itself can't be read.
        assert field == "refresh_token"
        return
    with contextlib.suppress(CredentialsError):
        scripted.run()
    if field != "refresh_token":
        assert scripted.tokens["refresh_token"] == "refresh-1"
    if field != "access_token":
        assert scripted.tokens["access_token"] in ("access-0", "access-1")
    # The stored file can be read again, and its token refreshed again.
    assert SignInFile(scripted.path).read().tokens("org_1").refresh_token is not None


@pytest.mark.parametrize("field", ["expires_in", "org_name", "access_token"])
def test_odd_answer_over_http_keeps_the_sign_in(
    scripted: ScriptedRefresh, emulator: Emulator, field: str
) -> None:
    """The file has the refresh token that the server sent, and the error says so."""
    emulator.add_fault("status", path=TOKEN, status=200, body=mutated(field, -1))
    with SignInServer(emulator.url) as server:
        refresh = Refresh(SignInFile(scripted.path), "org_1", server)
        with pytest.raises(CredentialsError, match="refresh token is stored: try again"):
            refresh.ensure_token_other_than(fingerprint(SecretStr("access-0")))
    assert scripted.tokens["access_token"] == "access-0"
    assert scripted.tokens["refresh_token"] == "refresh-1"


@pytest.mark.parametrize("field", ["org_id", "scope", "expires_in", "token_type"])
def test_answer_without_a_field_is_used(scripted: ScriptedRefresh, field: str) -> None:
    """A server needn't send what isn't a token."""
    scripted.answers = [read(json.dumps(mutated(field, MISSING)).encode())]
    scripted.run()
    assert scripted.tokens["access_token"] == "access-1"


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(ANSWER).replace("One", "\xff").encode("latin-1"),
        b"\xef\xbb\xbf" + json.dumps(ANSWER).encode(),
        json.dumps(ANSWER).replace("420", "9" * 10_000).encode(),
    ],
    ids=["no UTF-8", "byte order mark", "number of 10,000 digits"],
)
def test_answer_that_cannot_be_read_has_its_refresh_token(body: bytes) -> None:
    """An impossible name beside the token doesn't lose it."""
    assert read(body).refresh_token == SecretStr("refresh-1")


@pytest.mark.parametrize(
    "answer", ["null", "[]", "<html>", "{}", '{"access_token": "", "refresh_token": 5}']
)
def test_answer_without_any_token_is_refused(answer: str) -> None:
    """Without any token, there is nothing to store."""
    with pytest.raises(SignInUnavailableError, match="can't be used"):
        read(answer.encode())
