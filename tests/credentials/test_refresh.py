"""What a refresh does to the file, whatever the server and other programs do meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from parallel_provider.credentials.errors import OAuthError, SignInUnavailableError
from parallel_provider.credentials.models import TokenGrant
from parallel_provider.credentials.pipeline_file import PIPELINE_ORG, seed_document
from parallel_provider.credentials.refresh import ATTEMPTS, Refresh, Timing
from parallel_provider.credentials.store import SignInFile
from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError
from parallel_provider.typed import SecretStr

NOW = 1_000_000.0
INVALID_GRANT = OAuthError("POST /token answered 400 (invalid_grant)", code="invalid_grant")
LOST = SignInUnavailableError("no answer", may_have_worked=True)
BUSY = SignInUnavailableError("too many requests", may_have_worked=False, retry_after=4)
STALE = fingerprint(SecretStr("access-0"))


def grant(number: int, org_id: str = "org_1") -> TokenGrant:
    """Return the server's pair with this number."""
    return TokenGrant(
        access_token=SecretStr(f"access-{number}"),
        expires_in=420,
        refresh_token=SecretStr(f"refresh-{number}"),
        org_id=org_id,
    )


@dataclass
class World:
    """A file, a server with a script, a clock, and what others do while a request is under way."""

    path: Path
    answers: list[TokenGrant | CredentialsError]
    meanwhile: Callable[[], None] = lambda: None
    during_sleep: Callable[[], None] = lambda: None
    sent: list[str] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    now: float = NOW

    def refresh(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Answer as the script says."""
        assert client_id == "client_1"
        self.sent.append(refresh_token.get_secret_value())
        self.meanwhile()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.sleeps.append(seconds)
        self.now += seconds
        self.during_sleep()

    def write(self, number: int, expires_at: float, **ends: float) -> None:
        """Store a pair, as another program would: without a lock."""
        tokens = {
            "access_token": f"access-{number}",
            "access_token_expires_at": expires_at,
            "refresh_token": f"refresh-{number}",
            **ends,
        }
        orgs = {"org_1": {"control_api": tokens}}
        document = {"version": 1, "client_id": "client_1", "orgs": orgs}
        self.path.touch(0o600)
        self.path.write_text(json.dumps(document))

    def run(self, stale: str = STALE) -> None:
        """Do what is tested."""
        timing = Timing(lambda: self.now, self.sleep)
        refresh = Refresh(SignInFile(self.path), "org_1", self, timing=timing)
        refresh.ensure_token_other_than(stale)

    @property
    def tokens(self) -> dict[str, Any]:
        """The stored pair."""
        tokens: dict[str, Any] = json.loads(self.path.read_text())["orgs"]["org_1"]["control_api"]
        return tokens


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


def test_token_of_another_organization_is_refused(world: World) -> None:
    """A server that answers for another organization must not change what a run acts on."""
    world.answers = [grant(1, org_id="org_2")]
    with pytest.raises(CredentialsError, match=r"org_1 .*org_2"):
        world.run()


def test_sign_in_without_refresh_token_says_to_sign_in(world: World) -> None:
    """An access token alone can't be renewed."""
    document = json.loads(world.path.read_text())
    del document["orgs"]["org_1"]["control_api"]["refresh_token"]
    world.path.write_text(json.dumps(document))
    with pytest.raises(CredentialsError, match=r"no refresh token.*parallel-provider login"):
        world.run()


@dataclass
class Pipeline(World):
    """The same for a refresh token of the environment, and a store that may fail."""

    saved: list[str] = field(default_factory=list)
    store_is_down: bool = False

    def save(self, token: SecretStr) -> None:
        """Keep a token, if the file already has it and the store is up."""
        assert self.stored["refresh_token"] == token.get_secret_value()
        if self.store_is_down:
            raise CredentialsError("the store is down")
        self.saved.append(token.get_secret_value())

    def run(self, stale: str = "") -> None:
        """Do what is tested."""
        refresh = Refresh(
            SignInFile(self.path),
            PIPELINE_ORG,
            self,
            seed=seed_document(SecretStr("refresh-0"), "client_1"),
            save=self.save,
            timing=Timing(lambda: self.now, self.sleep),
        )
        refresh.ensure_token_other_than(stale)

    @property
    def stored(self) -> dict[str, Any]:
        """The stored pair."""
        document = json.loads(self.path.read_text())
        tokens: dict[str, Any] = document["orgs"][PIPELINE_ORG]["control_api"]
        return tokens


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """Give a pipeline whose file isn't there yet."""
    return Pipeline(tmp_path / "pipeline-1.json", [])


def test_pipeline_saves_the_rotated_token(pipeline: Pipeline) -> None:
    """The first use of the environment's token begins the file, and its successor is saved."""
    pipeline.answers = [grant(1)]
    pipeline.run()
    assert pipeline.sent == ["refresh-0"]
    assert pipeline.saved == ["refresh-1"]
    assert pipeline.path.stat().st_mode & 0o77 == 0


def test_pipeline_with_a_used_token_fails_at_once_and_says_how_to_get_another(
    pipeline: Pipeline,
) -> None:
    """No other program writes to its file, and a pipeline has no browser to sign in with."""
    pipeline.answers = [INVALID_GRANT]
    with pytest.raises(CredentialsError, match=r"invalid_grant.*login --print-refresh-token"):
        pipeline.run()
    assert pipeline.sleeps == []


def test_next_process_of_a_pipeline_goes_on_with_the_rotated_token(pipeline: Pipeline) -> None:
    """A second process has the used-up token in its environment, and never sends it."""
    pipeline.answers = [grant(1), grant(2)]
    pipeline.run()
    pipeline.run()
    pipeline.run(stale=fingerprint(SecretStr("access-1")))
    assert pipeline.sent == ["refresh-0", "refresh-1"]
    assert pipeline.saved == ["refresh-1", "refresh-2"]


def test_failed_save_is_made_up_for_without_another_refresh(pipeline: Pipeline) -> None:
    """What couldn't be saved stays in the file, and is saved before anything else."""
    pipeline.answers = [grant(1)]
    pipeline.store_is_down = True
    with pytest.raises(CredentialsError, match="the store is down"):
        pipeline.run()
    pipeline.store_is_down = False
    pipeline.run()
    assert pipeline.sent == ["refresh-0"]
    assert pipeline.saved == ["refresh-1"]
