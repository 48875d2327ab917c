"""An access token as it is: given in the stack configuration or the environment."""

from __future__ import annotations

import re

from parallel_provider.credentials.tokens import AccessToken
from parallel_provider.errors import CredentialsError
from parallel_provider.typed import SecretStr

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


class StaticToken:
    """A token that somebody else keeps fresh; it can't be renewed from here."""

    def __init__(self, value: SecretStr, origin: str) -> None:
        self.origin = origin
        self._token = AccessToken(require_access_token(value, origin))

    def get(self) -> AccessToken:
        """Return the token."""
        return self._token

    def renew(self, rejected: AccessToken) -> AccessToken | None:  # noqa: ARG002 (TokenSource)
        """Return None: there is no other."""
        return None

    def end_warning(self) -> str | None:
        """Return None: whoever gave the token knows its end."""
        return None
