"""Runs for tests: against the emulator, or against nothing, with a clock of their own."""

from __future__ import annotations

from pydantic import SecretStr

from parallel_provider.api import AccountApi, RetryPolicy
from parallel_provider.credentials.tokens import StaticToken
from parallel_provider.lifecycle.run import Run
from parallel_provider.printable import line_for_user

NO_TOKEN = "e30.e30.test"
NOWHERE = "http://127.0.0.1:9"
# 2026-11-30 23:59:00 UTC: a minute before a month ends.
END_OF_NOVEMBER = 1_796_083_140.0

_AT_ONCE = RetryPolicy(attempts=3, first_wait_seconds=0.0)


class Said:
    """Keeps what a run has to say, as users of Python read it."""

    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []

    def info(self, text: str) -> None:
        """Keep what is good to know."""
        self.infos.append(line_for_user(text))

    def warn(self, text: str) -> None:
        """Keep what asks for attention."""
        self.warnings.append(line_for_user(text))


class Clock:
    """A clock that goes only where it is put."""

    def __init__(self, now: float = END_OF_NOVEMBER) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return epoch seconds."""
        return self.now


def api_at(
    url: str, access_token: str = NO_TOKEN, retry_policy: RetryPolicy = _AT_ONCE
) -> AccountApi:
    """Return a client that doesn't wait between attempts."""
    source = StaticToken(SecretStr(access_token), "the test's token")
    return AccountApi(url, source, retry_policy=retry_policy)


def run_at(
    url: str = NOWHERE,
    access_token: str = NO_TOKEN,
    *,
    said: Said | None = None,
    clock: Clock | None = None,
    org_id: str | None = None,
    max_top_up_cents: int | None = None,
) -> Run:
    """Return a run; without a URL it is for decisions that ask nobody."""
    api = api_at(url, access_token)
    if org_id is not None:
        api.allow_only(org_id, "parallel:orgId")
    return Run(api, said or Said(), max_top_up_cents, clock or Clock())
