"""Say in time that a sign-in will end. Nothing here asks the server."""

from __future__ import annotations

from parallel_provider.credentials.document import StoredTokens
from parallel_provider.credentials.errors import LOGIN_HINT
from parallel_provider.credentials.wording import duration, moment

WARN_AHEAD_SECONDS = 3 * 24 * 60 * 60.0


def is_over(tokens: StoredTokens, now: float) -> bool:
    """Say whether neither the access token nor a refresh can be used any more."""
    first = _first_end(tokens)
    can_refresh = bool(tokens.refresh_token) and (first is None or first[0] > now)
    return not can_refresh and (tokens.access is None or not tokens.access.is_alive(now))


def end_warning(tokens: StoredTokens, now: float) -> str | None:
    """Return a warning with the time left if these tokens can't be refreshed for much longer."""
    first = _first_end(tokens)
    if first is None:
        return None
    end, what = first
    if end - now > WARN_AHEAD_SECONDS:
        return None
    if end <= now:
        return f"the Parallel sign-in has ended (its {what}, {moment(end)}): {LOGIN_HINT}"
    return (
        f"the Parallel sign-in ends in {duration(end - now)} (its {what}, {moment(end)}): "
        f"{LOGIN_HINT} before"
    )


def _first_end(tokens: StoredTokens) -> tuple[float, str] | None:
    """Return what ends first of what a refresh needs, and when; None if unknown."""
    ends = [
        (end, what)
        for end, what in (
            (tokens.authorization_expires_at, "authorization"),
            (tokens.refresh_token_expires_at, "refresh token"),
        )
        if end is not None
    ]
    return min(ends, default=None)
