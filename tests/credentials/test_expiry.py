"""Warnings ahead of the end of a sign-in."""

from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.document import StoredTokens
from parallel_provider.credentials.expiry import end_warning
from parallel_provider.credentials.static import StaticToken
from parallel_provider.credentials.store import SignInFile
from parallel_provider.credentials.stored import StoredSignIn
from parallel_provider.credentials.wording import duration
from tests.credentials.sign_ins import SignIn

NOW = 1_000_000.0
HOUR = 3600
DAY = 24 * HOUR


def warning(
    *, authorization: float | None = None, refresh_token: float | None = None
) -> str | None:
    """Return the warning for a sign-in whose parts end so many seconds from now."""
    tokens = StoredTokens(
        authorization_expires_at=None if authorization is None else NOW + authorization,
        refresh_token_expires_at=None if refresh_token is None else NOW + refresh_token,
    )
    return end_warning(tokens, NOW)


def test_distant_end_is_not_warned_of() -> None:
    """A sign-in that lasts for days needs no words."""
    assert warning(authorization=90 * DAY, refresh_token=4 * DAY) is None


def test_unknown_end_is_not_warned_of() -> None:
    """Nothing is made up where the server didn't say."""
    assert warning() is None


def test_end_of_the_authorization_is_warned_of() -> None:
    """The warning has the time left, the moment, and what to do."""
    text = warning(authorization=2 * DAY + HOUR, refresh_token=30 * DAY)
    assert text is not None
    assert "ends in 2 days (its authorization, 1970-01-14 14:46 UTC)" in text
    assert "parallel-provider login" in text


def test_earlier_of_two_ends_is_warned_of() -> None:
    """A refresh token that ends first is what ends the sign-in."""
    text = warning(authorization=2 * DAY, refresh_token=5 * HOUR)
    assert text is not None
    assert "ends in 5 hours (its refresh token" in text


def test_past_end_is_told_as_past() -> None:
    """What has ended doesn't end soon."""
    text = warning(authorization=-1)
    assert text is not None
    assert "has ended" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59, "less than a minute"), (60, "1 minute"), (2 * HOUR - 1, "1 hour"), (3 * DAY, "3 days")],
)
def test_duration_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    """People plan by days, hours or minutes, and not by all of them."""
    assert duration(seconds) == text


def test_stored_sign_in_is_warned_of_without_a_request(signed_in: SignIn) -> None:
    """A preview can say it: the file knows."""
    file, org_id, url = (
        SignInFile(signed_in.path),
        signed_in.emulator.org_id,
        signed_in.emulator.url,
    )
    requests = signed_in.emulator.state()["requests"]
    assert StoredSignIn(file, org_id, url).end_warning() is None
    later = StoredSignIn(file, org_id, url, clock=lambda: time.time() + 29 * DAY)
    text = later.end_warning()
    assert text is not None
    assert "refresh token" in text
    assert signed_in.emulator.state()["requests"] == requests


def test_given_token_is_not_warned_of() -> None:
    """Nothing is known of the sign-in behind a token that somebody else keeps fresh."""
    assert StaticToken(SecretStr("a.b.c"), "PARALLEL_ACCESS_TOKEN").end_warning() is None
