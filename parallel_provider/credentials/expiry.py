"""Say in time that a sign-in will end. Nothing here asks the server."""

from __future__ import annotations

from parallel_provider.credentials.document import StoredTokens
from parallel_provider.credentials.errors import LOGIN_HINT
from parallel_provider.credentials.wording import duration, moment

WARN_AHEAD_SECONDS = 3 * 24 * 60 * 60.0


def end_warning(tokens: StoredTokens, now: float) -> str | None:
    """Return a warning with the time left if these tokens can't be refreshed for much longer."""
    ends = [
        (end, what)
        for end, what in (
            (tokens.authorization_expires_at, "authorization"),
            (tokens.refresh_token_expires_at, "refresh token"),
        )
        if end is not None
    ]
    if not ends:
        return None
    end, what = min(ends)
    if end - now > WARN_AHEAD_SECONDS:
        return None
    if end <= now:
        return f"the Parallel sign-in has ended (its {what}, {moment(end)}): {LOGIN_HINT}"
    return (
        f"the Parallel sign-in ends in {duration(end - now)} (its {what}, {moment(end)}): "
        f"{LOGIN_HINT} before"
    )
