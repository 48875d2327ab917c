"""What a refresh writes to the file, whatever the server and other programs do."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.refresh import ATTEMPTS
from parallel_provider.errors import CredentialsError, SignInUnavailableError
from tests.credentials.scripted_refresh import (
    BUSY,
    INVALID_GRANT,
    LOST,
    NOW,
    ScriptedRefresh,
    grant,
)


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedRefresh:
    """Give a refresh whose stored access token, number 0, has expired."""
    scripted = ScriptedRefresh(tmp_path / "auth.json", [])
    scripted.write(0, NOW - 60)
    return scripted


def test_token_that_another_one_has_stored_is_not_refreshed(scripted: ScriptedRefresh) -> None:
    """The file is read again under the lock. If it has a new token, nothing is sent."""
    scripted.write(7, NOW + 100)
    scripted.run()
    assert scripted.sent == []


def test_lost_answer_is_asked_for_again(scripted: ScriptedRefresh) -> None:
    """If the server didn't carry out the first request, the second one gets the pair."""
    scripted.answers = [LOST, grant(1)]
    scripted.run()
    assert scripted.sent == ["refresh-0", "refresh-0"]
    assert scripted.tokens["refresh_token"] == "refresh-1"


def test_unavailable_server_is_asked_a_few_times(scripted: ScriptedRefresh) -> None:
    """An outage is an error of its own, and doesn't change the file."""
    scripted.answers = [LOST] * ATTEMPTS
    with pytest.raises(SignInUnavailableError, match="no answer"):
        scripted.run()
    assert scripted.answers == []
    assert scripted.tokens["refresh_token"] == "refresh-0"


def test_server_that_asks_to_wait_is_waited_for(scripted: ScriptedRefresh) -> None:
    """The wait is as long as `Retry-After` says."""
    scripted.answers = [BUSY, grant(1)]
    scripted.run()
    assert scripted.sleeps == [4]


def test_pair_of_another_program_is_used(scripted: ScriptedRefresh) -> None:
    """If the official client refreshed first, its tokens are used once they are in the file."""
    scripted.answers = [INVALID_GRANT]
    scripted.during_sleep = lambda: scripted.write(5, NOW + 420)
    scripted.run()
    assert scripted.tokens["access_token"] == "access-5"


def test_refusal_without_another_program_says_to_sign_in(scripted: ScriptedRefresh) -> None:
    """If no other program writes new tokens within a short wait, the refusal is an error."""
    scripted.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"org_1 .*invalid_grant.*parallel-provider login"):
        scripted.run()
    assert 2 < sum(scripted.sleeps) < 4


def test_ended_authorization_is_named_without_a_wait(scripted: ScriptedRefresh) -> None:
    """If the file says that the sign-in has ended, there is no wait for another program."""
    scripted.write(0, NOW - 60, authorization_expires_at=NOW - 5)
    scripted.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"has ended .its authorization, 1970-01-12"):
        scripted.run()
    assert scripted.sleeps == []


def test_sign_in_during_a_refresh_is_kept(scripted: ScriptedRefresh) -> None:
    """If somebody signs in during a refresh, the file keeps the tokens of that sign-in."""
    scripted.answers = [grant(1)]
    scripted.meanwhile = lambda: scripted.write(9, NOW + 420)
    scripted.run()
    assert scripted.tokens["refresh_token"] == "refresh-9"


def test_what_others_write_during_a_refresh_is_kept(scripted: ScriptedRefresh) -> None:
    """If the official client adds a data key during a refresh, the file keeps it."""

    def add_key() -> None:
        document = json.loads(scripted.path.read_text())
        document["orgs"]["org_1"]["api_key"] = "data-key"
        scripted.path.write_text(json.dumps(document))

    scripted.answers = [grant(1)]
    scripted.meanwhile = add_key
    scripted.run()
    assert json.loads(scripted.path.read_text())["orgs"]["org_1"]["api_key"] == "data-key"
    assert scripted.tokens["refresh_token"] == "refresh-1"


def test_file_that_is_damaged_during_a_refresh_gets_the_new_pair(
    scripted: ScriptedRefresh,
) -> None:
    """The refresh token is used up, and its successor is nowhere else."""

    def damage() -> None:
        scripted.path.write_text("{")

    scripted.answers = [grant(1)]
    scripted.meanwhile = damage
    scripted.run()
    assert scripted.tokens["refresh_token"] == "refresh-1"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files there")
@pytest.mark.parametrize("compact", [False, True])
def test_disk_without_room_for_a_large_file_is_an_error_before_the_refresh(
    scripted: ScriptedRefresh, *, compact: bool
) -> None:
    """The disk space for the whole file is taken before the request is sent."""
    import resource  # noqa: PLC0415 - not on Windows

    document = json.loads(scripted.path.read_text())
    document["orgs"]["org_2"] = {"future": ["x" * 20] * 900}
    content = json.dumps(document) if compact else json.dumps(document, indent=2)
    scripted.path.write_text(content)
    scripted.answers = [grant(1)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The limit is like a disk that is full, apart from the file as it is.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content), hard))
    try:
        with pytest.raises(CredentialsError, match="can't be stored"):
            scripted.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert scripted.sent == []
    assert scripted.path.read_text() == content
    scripted.run()
    assert scripted.tokens["refresh_token"] == "refresh-1"


def test_sign_in_without_refresh_token_says_to_sign_in(scripted: ScriptedRefresh) -> None:
    """An access token without a refresh token can't be renewed."""
    document = json.loads(scripted.path.read_text())
    del document["orgs"]["org_1"]["control_api"]["refresh_token"]
    scripted.path.write_text(json.dumps(document))
    with pytest.raises(CredentialsError, match=r"no refresh token.*parallel-provider login"):
        scripted.run()


@pytest.mark.parametrize("successor", [SecretStr("refresh-1"), None])
def test_token_for_another_organization_is_not_used(
    scripted: ScriptedRefresh, successor: SecretStr | None
) -> None:
    """Only the next refresh token is stored, if there is one."""
    answer = grant(1, org_id="org_2").model_copy(update={"refresh_token": successor})
    scripted.answers = [answer]
    with pytest.raises(CredentialsError, match=r"org_1 .*no access token for it.*login"):
        scripted.run()
    assert scripted.tokens["access_token"] == "access-0"
    assert scripted.tokens["refresh_token"] == ("refresh-1" if successor else "refresh-0")


def test_refresh_token_that_stays_the_same_is_kept(scripted: ScriptedRefresh) -> None:
    """A server may give the same refresh token again."""
    scripted.answers = [grant(1).model_copy(update={"refresh_token": SecretStr("refresh-0")})]
    scripted.run()
    assert scripted.tokens["access_token"] == "access-1"
    assert scripted.tokens["refresh_token"] == "refresh-0"
