"""A refresh whose server, clock and other programs follow a script."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from parallel_provider.credentials.oauth import SignInServer, TokenGrant
from parallel_provider.credentials.refresh import Refresh
from parallel_provider.credentials.sign_in_file import SignInFile
from parallel_provider.credentials.stored_sign_in import PIPELINE_ORG, Pipeline
from parallel_provider.credentials.tokens import fingerprint
from parallel_provider.errors import CredentialsError, OAuthError, SignInUnavailableError

NOW = 1_000_000.0
INVALID_GRANT = OAuthError("POST /token answered 400 (invalid_grant)", code="invalid_grant")
LOST = SignInUnavailableError("no answer", may_have_worked=True)
BUSY = SignInUnavailableError("too many requests", may_have_worked=False, retry_after=4)
PIPELINE = Pipeline(refresh_token=SecretStr("refresh-0"), client_id="client_1", save_command="save")
UNWANTED = fingerprint(SecretStr("access-0"))


def grant(number: int, org_id: str = "org_1") -> TokenGrant:
    """Return the server's pair with this number."""
    return TokenGrant(
        access_token=SecretStr(f"access-{number}"),
        expires_in=420,
        refresh_token=SecretStr(f"refresh-{number}"),
        org_id=org_id,
    )


@dataclass
class ScriptedRefresh:
    """A refresh of the file at `path`; the server gives `answers` in their order.

    `meanwhile` is called during each request, and `during_sleep` during each pause.
    """

    path: Path
    answers: list[TokenGrant | CredentialsError]
    meanwhile: Callable[[], None] = lambda: None
    during_sleep: Callable[[], None] = lambda: None
    sent: list[str] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    now: float = NOW

    def refresh(self, client_id: str, refresh_token: SecretStr) -> TokenGrant:
        """Give the next answer."""
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
        """Store the pair with this number without a lock, as the official client does."""
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

    def run(self, unwanted: str = UNWANTED) -> None:
        """Refresh, unless the file has another token already."""
        refresh = Refresh(
            SignInFile(self.path),
            "org_1",
            cast(SignInServer, self),
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        refresh.ensure_token_other_than(unwanted)

    @property
    def tokens(self) -> dict[str, Any]:
        """The stored pair."""
        tokens: dict[str, Any] = json.loads(self.path.read_text())["orgs"]["org_1"]["control_api"]
        return tokens


@dataclass
class ScriptedPipelineRefresh(ScriptedRefresh):
    """A refresh with a refresh token of the environment, and a secret store that may fail.

    `saved` has what the store has got. The store is down from the call with this number on.
    """

    saved: list[str] = field(default_factory=list)
    down_from: float = math.inf

    def save(self, token: SecretStr) -> None:
        """Keep a token, which the file must already have, unless the store is down."""
        if self.path.exists():
            assert self.stored["refresh_token"] == token.get_secret_value()
        if len(self.saved) >= self.down_from:
            raise CredentialsError("the store is down")
        self.saved.append(token.get_secret_value())

    def run(self, unwanted: str = "") -> None:
        """Refresh, unless the file has another token already."""
        refresh = Refresh(
            SignInFile(self.path),
            PIPELINE_ORG,
            cast(SignInServer, self),
            initial=PIPELINE.initial_document(),
            save=self.save,
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        refresh.ensure_token_other_than(unwanted)

    @property
    def stored(self) -> dict[str, Any]:
        """The stored pair."""
        document = json.loads(self.path.read_text())
        tokens: dict[str, Any] = document["orgs"][PIPELINE_ORG]["control_api"]
        return tokens
