"""Whose access tokens a run uses: those of one organization, and of one person.

A renewed access token can belong to another organization or person. The Account API has no "who am
I", so the organization is learned from answers, and the person from the token.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Set
from typing import TYPE_CHECKING

from pydantic import SecretStr

from parallel_provider.api.errors import WrongOrganizationError
from parallel_provider.jwt import claims_of
from parallel_provider.printable import masked_setting

if TYPE_CHECKING:
    from parallel_provider.credentials.tokens import AccessToken

# With one of these as `sub`, a token doesn't say which person it acts for.
_NO_PERSON = ("client_id", "azp", "org_id", "aud", "iss")


class Identity:
    """Keeps all requests of one run in one organization; safe to use from several threads.

    It is the organization that the user allows, or else the first one that an answer names.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: str | None = None
        self._allowed_by: str | None = None
        # The tokens of the expected organization, and the first one whose answer named none.
        self._verified: set[SecretStr] = set()
        self._unnamed: SecretStr | None = None
        self._people: dict[SecretStr, str | None] = {}

    def allow_only(self, org_id: str, setting: str) -> None:
        """Expect this organization, which the user gave in the setting called `setting`."""
        self._expected, self._allowed_by = org_id, setting

    @property
    def is_guarded(self) -> bool:
        """Whether the user allows one organization only."""
        return self._allowed_by is not None

    def must_verify(self, token: AccessToken) -> bool:
        """Say whether the organization of `token` must be learned before a change.

        Raises WrongOrganizationError if it could not be compared with anything.
        """
        if self._expected is not None:
            return token.value not in self._verified
        if self._unnamed not in (None, token.value):
            raise WrongOrganizationError(
                "the access token was renewed before the run could learn which organization it "
                "works in, as that has no apps: run again, or say the organization with the "
                "setting orgId"
            )
        return False

    def learn(self, token: AccessToken, org_ids: Set[str]) -> None:
        """Note which organizations the answer to a read with `token` named: none if it was empty.

        Raises WrongOrganizationError if another organization is expected.
        """
        with self._lock:
            if not org_ids:
                self._unnamed = self._unnamed or token.value
                return
            self._expected = self._expected or min(org_ids)
            others = org_ids - {self._expected}
            if not others:
                self._verified.add(token.value)
                return
        raise WrongOrganizationError(self._mismatch(min(others)))

    def unknown_organization_error(self) -> WrongOrganizationError:
        """Return the error for a token whose organization the server doesn't name."""
        return WrongOrganizationError(
            "the Account API doesn't tell which organization the access token belongs to, so "
            f"nothing is changed: this run is for organization {self._shown_expected} only. Use a "
            "token with the scope balance:read"
        )

    def note_person(self, token: AccessToken) -> None:
        """Note the person of a token that is being sent."""
        with self._lock:
            if token.value not in self._people:
                self._people[token.value] = person_in(token.value.get_secret_value())

    def person(self) -> str | None:
        """Return a text that identifies the person of all tokens that were sent.

        None if none was sent yet, if one doesn't tell its person, or if there were several. A
        source may get those of another person in the middle of a run; then nobody knows which of
        them an answer was for.
        """
        with self._lock:
            people = set(self._people.values())
        return people.pop() if len(people) == 1 else None

    def _mismatch(self, org_id: str) -> str:
        if self._allowed_by is not None:
            return (
                f"the access token belongs to organization {org_id!r}, and {self._allowed_by} "
                f"allows {self._shown_expected} only: sign in to that organization, or change the "
                "setting"
            )
        return (
            f"this run began with an access token of organization {self._shown_expected}, and the "
            f"present one belongs to organization {org_id!r}: use a source of tokens that stays "
            "with one organization, and run again"
        )

    @property
    def _shown_expected(self) -> str:
        return repr(masked_setting(self._expected or ""))


def person_in(token: str) -> str | None:
    """Return a text that is the same for all access tokens of one person; None if not known.

    An access token is a JWT whose `sub` names the person who has signed in (RFC 9068, section 2.2).
    The server has accepted the token, so its claims can be believed.
    """
    claims = claims_of(token)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.strip():
        return None
    if any(subject == claims.get(name) for name in _NO_PERSON):
        return None
    return json.dumps([str(claims.get("iss", "")), subject])
