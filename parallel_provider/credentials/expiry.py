"""Say in time that a sign-in will end. Nothing here asks the server."""

from __future__ import annotations

import time

from parallel_provider.credentials.document import StoredTokens
from parallel_provider.credentials.errors import LOGIN_HINT
from parallel_provider.credentials.stored import StoredSignIn
from parallel_provider.credentials.tokens import TokenSource
from parallel_provider.credentials.wording import duration, moment
from parallel_provider.errors import CredentialsError

WARN_AHEAD_SECONDS = 3 * 24 * 60 * 60.0


def ending_soon(source: TokenSource, now: float | None = None) -> str | None:
    """Return a warning if the sign-in behind `source` ends soon, None otherwise.

    Only a stored sign-in knows its end; a file that can't be read says nothing here, as whoever
    needs a token from it will be told why.
    """
    if not isinstance(source, StoredSignIn):
        return None
    try:
        tokens = source.stored_tokens()
    except CredentialsError:
        return None
    return end_warning(tokens, time.time() if now is None else now)


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
