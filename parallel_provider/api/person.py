"""Which person the access tokens of a run act for.

The Account API has no "who am I". An access token is a JWT, and its `sub` names the person who has
signed in (RFC 9068, section 2.2). The server has accepted the token, so its claims can be believed.
"""

from __future__ import annotations

import json
import threading

from parallel_provider.jwt import claims_of

# With one of these as `sub`, a token doesn't say which person it acts for.
_NO_PERSON = ("client_id", "azp", "org_id", "aud", "iss")
_SCHEME = "Bearer "


def person_in(token: str) -> str | None:
    """Return a text that is the same for all access tokens of one person; None if not known."""
    claims = claims_of(token)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip():
        return None
    if any(subject == claims.get(name) for name in _NO_PERSON):
        return None
    return json.dumps([str(claims.get("iss", "")), subject])


class TokenPeople:
    """Notes the person behind each token that is sent; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = ""
        self._people: set[str | None] = set()

    def note(self, authorization: str) -> None:
        """Note the token in an Authorization header before it is sent."""
        if authorization == self._latest:
            return
        person = person_in(authorization.removeprefix(_SCHEME))
        with self._lock:
            self._people.add(person)
            self._latest = authorization

    def only_person(self) -> str | None:
        """Return the person of all tokens so far; None if there were several, or one isn't known.

        A source of tokens may get those of another person in the middle of a run. Then nobody knows
        which of them an answer was for.
        """
        with self._lock:
            return next(iter(self._people)) if len(self._people) == 1 else None
