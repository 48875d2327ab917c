"""What a refresh does to the file, whatever the server and other programs do meanwhile."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from parallel_provider.credentials.errors import SignInUnavailableError
from parallel_provider.credentials.refresh import ATTEMPTS
from parallel_provider.errors import CredentialsError
from tests.credentials.refreshes import BUSY, INVALID_GRANT, LOST, NOW, World, grant


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Give a world whose stored pair, number 0, has ended."""
    world = World(tmp_path / "auth.json", [])
    world.write(0, NOW - 60)
    return world


def test_refresh_stores_the_next_pair(world: World) -> None:
    """The new pair takes the old one's place."""
    world.answers = [grant(1)]
    world.run()
    assert world.sent == ["refresh-0"]
    assert world.tokens["access_token"] == "access-1"
    assert world.tokens["refresh_token"] == "refresh-1"
    assert world.tokens["access_token_expires_at"] == NOW + 420


def test_token_that_another_one_has_stored_is_not_refreshed(world: World) -> None:
    """Under the lock the file is read again, and nothing is sent if that has settled it."""
    world.write(7, NOW + 100)
    world.run()
    assert world.sent == []


def test_refused_token_is_refreshed_though_it_has_not_ended(world: World) -> None:
    """A 401 counts for more than the file's word."""
    world.write(0, NOW + 300)
    world.answers = [grant(1)]
    world.run()
    assert world.sent == ["refresh-0"]


def test_lost_answer_is_asked_for_again(world: World) -> None:
    """If the server hadn't carried the first request out, the second one brings the pair."""
    world.answers = [LOST, grant(1)]
    world.run()
    assert world.sent == ["refresh-0", "refresh-0"]
    assert world.tokens["refresh_token"] == "refresh-1"


def test_lost_pair_is_an_error_that_says_to_sign_in(world: World) -> None:
    """If the server had carried it out, the pair is lost, and the error says just that."""
    world.answers = [LOST, INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"answer .* was lost.*parallel-provider login"):
        world.run()
    assert world.tokens["refresh_token"] == "refresh-0"


def test_server_that_stays_away_is_asked_a_few_times(world: World) -> None:
    """An outage ends in its own error, with the file as it was."""
    world.answers = [LOST] * ATTEMPTS
    with pytest.raises(SignInUnavailableError, match="no answer"):
        world.run()
    assert world.answers == []
    assert world.tokens["refresh_token"] == "refresh-0"


def test_server_that_asks_to_wait_is_waited_for(world: World) -> None:
    """`Retry-After` is heeded."""
    world.answers = [BUSY, grant(1)]
    world.run()
    assert world.sleeps == [4]


def test_pair_of_another_program_is_taken_over(world: World) -> None:
    """The official client was faster: its result is in the file a moment later, and counts."""
    world.answers = [INVALID_GRANT]
    world.during_sleep = lambda: world.write(5, NOW + 420)
    world.run()
    assert world.tokens["access_token"] == "access-5"


def test_refusal_without_another_program_says_to_sign_in(world: World) -> None:
    """After a short wait for another program's result, a refused refresh token is final."""
    world.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"org_1 .*invalid_grant.*parallel-provider login"):
        world.run()
    assert 2 < sum(world.sleeps) < 4


def test_ended_authorization_is_named_without_a_wait(world: World) -> None:
    """When the file itself says that the sign-in has ended, no other program is waited for."""
    world.write(0, NOW - 60, authorization_expires_at=NOW - 5)
    world.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"has ended .its authorization, 1970-01-12"):
        world.run()
    assert world.sleeps == []


def test_sign_in_during_a_refresh_counts_for_more(world: World) -> None:
    """Whoever signs in anew while a refresh is under way keeps what they got."""
    world.answers = [grant(1)]
    world.meanwhile = lambda: world.write(9, NOW + 420)
    world.run()
    assert world.tokens["refresh_token"] == "refresh-9"


def test_what_others_write_during_a_refresh_is_kept(world: World) -> None:
    """The official client may add a data key meanwhile; the refresh doesn't take it back."""

    def add_key() -> None:
        document = json.loads(world.path.read_text())
        document["orgs"]["org_1"]["api_key"] = "data-key"
        world.path.write_text(json.dumps(document))

    world.answers = [grant(1)]
    world.meanwhile = add_key
    world.run()
    assert json.loads(world.path.read_text())["orgs"]["org_1"]["api_key"] == "data-key"
    assert world.tokens["refresh_token"] == "refresh-1"


def test_file_that_is_damaged_during_a_refresh_is_left_alone(world: World) -> None:
    """Nothing is written over a file that can't be understood, even then."""

    def damage() -> None:
        world.path.write_text("{")

    world.answers = [grant(1)]
    world.meanwhile = damage
    with pytest.raises(CredentialsError, match="damaged"):
        world.run()
    assert world.path.read_text() == "{"


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for the size of files there")
@pytest.mark.parametrize("compact", [False, True])
def test_disk_without_room_for_a_large_file_shows_before_the_refresh(
    world: World, *, compact: bool
) -> None:
    """Room is kept for all that will be written, however large the file is, and at first."""
    import resource  # noqa: PLC0415 - not on Windows

    document = json.loads(world.path.read_text())
    document["orgs"]["org_2"] = {"future": ["x" * 20] * 900}
    content = json.dumps(document) if compact else json.dumps(document, indent=2)
    world.path.write_text(content)
    world.answers = [grant(1)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As a disk that has room for what is there, and for nothing more.
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(content), hard))
    try:
        with pytest.raises(CredentialsError, match="can't be stored"):
            world.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert world.sent == []
    assert world.path.read_text() == content
    world.run()
    assert world.tokens["refresh_token"] == "refresh-1"


def test_sign_in_without_refresh_token_says_to_sign_in(world: World) -> None:
    """An access token alone can't be renewed."""
    document = json.loads(world.path.read_text())
    del document["orgs"]["org_1"]["control_api"]["refresh_token"]
    world.path.write_text(json.dumps(document))
    with pytest.raises(CredentialsError, match=r"no refresh token.*parallel-provider login"):
        world.run()
