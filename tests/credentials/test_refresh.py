"""What a refresh does to the file, whatever the server and other programs do meanwhile."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.errors import SignInUnavailableError
from parallel_provider.credentials.refresh import ATTEMPTS
from parallel_provider.errors import CredentialsError
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


def test_refresh_stores_the_next_pair(scripted: ScriptedRefresh) -> None:
    """The new pair takes the old one's place."""
    scripted.answers = [grant(1)]
    scripted.run()
    assert scripted.sent == ["refresh-0"]
    assert scripted.tokens["access_token"] == "access-1"
    assert scripted.tokens["refresh_token"] == "refresh-1"
    assert scripted.tokens["access_token_expires_at"] == NOW + 420


def test_token_that_another_one_has_stored_is_not_refreshed(scripted: ScriptedRefresh) -> None:
    """Under the lock the file is read again, and nothing is sent if that has settled it."""
    scripted.write(7, NOW + 100)
    scripted.run()
    assert scripted.sent == []


def test_refused_token_is_refreshed_though_it_has_not_ended(scripted: ScriptedRefresh) -> None:
    """A 401 counts for more than the file's word."""
    scripted.write(0, NOW + 300)
    scripted.answers = [grant(1)]
    scripted.run()
    assert scripted.sent == ["refresh-0"]


def test_lost_answer_is_asked_for_again(scripted: ScriptedRefresh) -> None:
    """If the server hadn't carried the first request out, the second one brings the pair."""
    scripted.answers = [LOST, grant(1)]
    scripted.run()
    assert scripted.sent == ["refresh-0", "refresh-0"]
    assert scripted.tokens["refresh_token"] == "refresh-1"


def test_lost_pair_is_an_error_that_says_to_sign_in(scripted: ScriptedRefresh) -> None:
    """If the server had carried it out, the pair is lost, and the error says just that."""
    scripted.answers = [LOST, INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"answer .* was lost.*parallel-provider login"):
        scripted.run()
    assert scripted.tokens["refresh_token"] == "refresh-0"


def test_server_that_stays_away_is_asked_a_few_times(scripted: ScriptedRefresh) -> None:
    """An outage ends in its own error, with the file as it was."""
    scripted.answers = [LOST] * ATTEMPTS
    with pytest.raises(SignInUnavailableError, match="no answer"):
        scripted.run()
    assert scripted.answers == []
    assert scripted.tokens["refresh_token"] == "refresh-0"


def test_server_that_asks_to_wait_is_waited_for(scripted: ScriptedRefresh) -> None:
    """`Retry-After` is heeded."""
    scripted.answers = [BUSY, grant(1)]
    scripted.run()
    assert scripted.sleeps == [4]


def test_pair_of_another_program_is_taken_over(scripted: ScriptedRefresh) -> None:
    """The official client was faster: its result is in the file a moment later, and counts."""
    scripted.answers = [INVALID_GRANT]
    scripted.during_sleep = lambda: scripted.write(5, NOW + 420)
    scripted.run()
    assert scripted.tokens["access_token"] == "access-5"


def test_refusal_without_another_program_says_to_sign_in(scripted: ScriptedRefresh) -> None:
    """After a short wait for another program's result, a refused refresh token is final."""
    scripted.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"org_1 .*invalid_grant.*parallel-provider login"):
        scripted.run()
    assert 2 < sum(scripted.sleeps) < 4


def test_ended_authorization_is_named_without_a_wait(scripted: ScriptedRefresh) -> None:
    """When the file itself says that the sign-in has ended, no other program is waited for."""
    scripted.write(0, NOW - 60, authorization_expires_at=NOW - 5)
    scripted.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"has ended .its authorization, 1970-01-12"):
        scripted.run()
    assert scripted.sleeps == []


def test_sign_in_during_a_refresh_counts_for_more(scripted: ScriptedRefresh) -> None:
    """Whoever signs in anew while a refresh is under way keeps what they got."""
    scripted.answers = [grant(1)]
    scripted.meanwhile = lambda: scripted.write(9, NOW + 420)
    scripted.run()
    assert scripted.tokens["refresh_token"] == "refresh-9"


def test_what_others_write_during_a_refresh_is_kept(scripted: ScriptedRefresh) -> None:
    """The official client may add a data key meanwhile; the refresh doesn't take it back."""

    def add_key() -> None:
        document = json.loads(scripted.path.read_text())
        document["orgs"]["org_1"]["api_key"] = "data-key"
        scripted.path.write_text(json.dumps(document))

    scripted.answers = [grant(1)]
    scripted.meanwhile = add_key
    scripted.run()
    assert json.loads(scripted.path.read_text())["orgs"]["org_1"]["api_key"] == "data-key"
    assert scripted.tokens["refresh_token"] == "refresh-1"


def test_file_that_is_damaged_during_a_refresh_is_left_alone(scripted: ScriptedRefresh) -> None:
    """Nothing is written over a file that can't be understood, even then."""

    def damage() -> None:
        scripted.path.write_text("{")

    scripted.answers = [grant(1)]
    scripted.meanwhile = damage
    with pytest.raises(CredentialsError, match="damaged"):
        scripted.run()
    assert scripted.path.read_text() == "{"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files there")
@pytest.mark.parametrize("compact", [False, True])
def test_disk_without_room_for_a_large_file_shows_before_the_refresh(
    scripted: ScriptedRefresh, *, compact: bool
) -> None:
    """Room is kept for all that will be written, however large the file is, and at first."""
    import resource  # noqa: PLC0415 - not on Windows

    document = json.loads(scripted.path.read_text())
    document["orgs"]["org_2"] = {"future": ["x" * 20] * 900}
    content = json.dumps(document) if compact else json.dumps(document, indent=2)
    scripted.path.write_text(content)
    scripted.answers = [grant(1)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As a disk that has room for what is there, and for nothing more.
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
    """An access token alone can't be renewed."""
    document = json.loads(scripted.path.read_text())
    del document["orgs"]["org_1"]["control_api"]["refresh_token"]
    scripted.path.write_text(json.dumps(document))
    with pytest.raises(CredentialsError, match=r"no refresh token.*parallel-provider login"):
        scripted.run()


def test_token_for_another_organization_is_stored_as_that_ones(scripted: ScriptedRefresh) -> None:
    """The pair isn't lost, the used-up token is never sent again, and the error says all that."""
    scripted.answers = [grant(1, org_id="org_2")]
    with pytest.raises(CredentialsError, match=r"org_1 .*for org_2.*stored .*of org_2.*login"):
        scripted.run()
    orgs = json.loads(scripted.path.read_text())["orgs"]
    assert orgs["org_2"]["control_api"]["refresh_token"] == "refresh-1"
    assert "control_api" not in orgs.get("org_1", {})


@pytest.mark.parametrize("refresh_token", [None, SecretStr("refresh-0")])
def test_token_for_another_organization_without_a_new_refresh_token_changes_nothing(
    scripted: ScriptedRefresh, refresh_token: SecretStr | None
) -> None:
    """The refresh token isn't used up then, and stays where it is."""
    before = scripted.path.read_text()
    answer = grant(1, org_id="org_2").model_copy(update={"refresh_token": refresh_token})
    scripted.answers = [answer]
    with pytest.raises(CredentialsError, match=r"org_1 .*for org_2"):
        scripted.run()
    assert json.loads(scripted.path.read_text()) == json.loads(before)


def test_refresh_token_that_stays_the_same_is_kept(scripted: ScriptedRefresh) -> None:
    """A server need not rotate."""
    scripted.answers = [grant(1).model_copy(update={"refresh_token": SecretStr("refresh-0")})]
    scripted.run()
    assert scripted.tokens["access_token"] == "access-1"
    assert scripted.tokens["refresh_token"] == "refresh-0"
