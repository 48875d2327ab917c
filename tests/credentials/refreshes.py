"""A refresh in a world that follows a script: the server, the clock, and other programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from parallel_provider.credentials.errors import OAuthError, SignInUnavailableError
from parallel_provider.credentials.models import TokenGrant
from parallel_provider.credentials.pipeline_file import PIPELINE_ORG, seed_document
from parallel_provider.credentials.refresh import Refresh, Timing
from parallel_provider.credentials.store import SignInFile
from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError

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
