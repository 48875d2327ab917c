"""An access token as it is: given in the stack configuration or the environment."""

from __future__ import annotations

import base64
import json
import re

from pydantic import SecretStr

from parallel_provider.credentials.times import finite_number, is_absurd_time
from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.credentials.wording import moment
from parallel_provider.errors import CredentialsError

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


def require_access_token(value: SecretStr, origin: str) -> SecretStr:
    """Return `value` if it has the shape of an access token.

    Raises CredentialsError naming the usual mistake: a data API key in its place.
    """
    if not _JWT.fullmatch(value.get_secret_value()):
        raise CredentialsError(
            f"{origin} isn't an access token (a JWT): it looks like a data API key, which the "
            "Account API refuses. Sign in with `parallel-provider login` and do without it, or "
            "give it what `parallel-provider token` prints"
        )
    return value


def own_end(token: SecretStr) -> float | None:
    """Return the end that a JWT names itself (`exp`, epoch seconds), or None if it names none.

    Its signature isn't looked at: this is for telling a person what to expect, and for no decision.
    """
    try:
        payload = token.get_secret_value().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError):
        return None
    end = claims.get("exp") if isinstance(claims, dict) else None
    return None if is_absurd_time(end) else finite_number(end)


class StaticToken:
    """A token that somebody else keeps fresh; it can't be renewed from here."""

    def __init__(self, value: SecretStr, origin: str) -> None:
        self.origin = origin
        self._token = AccessToken(require_access_token(value, origin), own_end(value))

    def get(self) -> AccessToken:
        """Return the token."""
        return self._token

    @property
    def end(self) -> float | None:
        """When it ends by its own account (epoch seconds), or None if it doesn't say."""
        return self._token.expires_at

    def require_alive(self, now: float) -> None:
        """Raise CredentialsError if it has ended by its own account.

        For a person who asks: a request is sent all the same, since the clock here may be wrong.
        """
        if not self._token.is_alive(now):
            raise CredentialsError(
                f"the access token from {self.origin} has ended ({moment(self.end or 0.0)}): "
                "put a fresh one in its place, or unset it and sign in with "
                "`parallel-provider login`"
            )

    def renew(self, rejected: AccessToken) -> AccessToken | None:  # noqa: ARG002 (TokenSource)
        """Return None: there is no other."""
        return None

    def end_warning(self) -> str | None:
        """Return None: whoever gave the token knows its end."""
        return None
