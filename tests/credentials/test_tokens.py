"""When an access token can still be sent."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from parallel_provider.credentials.tokens import AccessToken

NOW = 1_000_000.0
VALUE = SecretStr("header.claims.signature")


@pytest.mark.parametrize(("seconds_left", "fresh"), [(31, True), (30, False), (-1, False)])
def test_token_near_its_end_is_not_fresh(seconds_left: float, fresh: bool) -> None:
    """A token is renewed 30 seconds ahead of its end."""
    assert AccessToken(VALUE, NOW + seconds_left).is_fresh(NOW) is fresh


def test_token_without_known_end_stays_fresh() -> None:
    """Only the server can say that such a token has ended."""
    assert AccessToken(VALUE).is_fresh(NOW)


def test_short_lived_token_is_fresh_for_half_its_life() -> None:
    """A token of two seconds is used for one, rather than never."""
    token = AccessToken.just_issued(VALUE, NOW + 2, NOW)
    assert token.is_fresh(NOW + 0.9)
    assert not token.is_fresh(NOW + 1)


def test_long_lived_token_keeps_the_full_margin() -> None:
    """What was just issued for minutes is renewed 30 seconds ahead, like any other."""
    token = AccessToken.just_issued(VALUE, NOW + 420, NOW)
    assert token.is_fresh(NOW + 389)
    assert not token.is_fresh(NOW + 390)


def test_repr_of_a_token_hides_it() -> None:
    """A token that ends up in a log or a traceback doesn't show."""
    assert "claims" not in repr(AccessToken(VALUE)) + str(AccessToken(VALUE))
