"""Who is asking, and whether they may: bearer tokens and their scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .errors import Refused
from .organization import Organization
from .state import EmulatorState, State

_bearer = HTTPBearer(bearerFormat="JWT", scheme_name="BearerAuth", auto_error=False)
_Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def allowed_to(scope: str) -> Callable[..., Awaitable[Organization]]:
    """Return a dependency that gives the caller's organization, if its token has this scope."""

    async def authorize(state: State, credentials: _Credentials) -> Organization:
        if credentials is None:
            raise _unauthorized("Not authenticated")
        return _authorize(state, credentials.credentials, scope)

    return authorize


def _authorize(state: EmulatorState, text: str, scope: str) -> Organization:
    token = state.tokens.access.get(text)
    if token is None or (token.grant is not None and token.grant.revoked):
        # A data API key ends here too: it is no access token at all.
        raise _unauthorized("Invalid access token")
    if token.expires_at is not None and state.clock.now() >= token.expires_at:
        raise _unauthorized("Access token has expired")
    if scope not in token.scopes:
        raise Refused(403, f"Missing required scope: {scope}")
    return token.organization


def _unauthorized(detail: str) -> Refused:
    return Refused(401, detail, headers={"WWW-Authenticate": "Bearer"})
