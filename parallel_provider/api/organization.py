"""Which organization a run works in, and which access tokens are known to belong to it.

This is needed because a renewed access token can belong to another organization.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from parallel_provider.errors import WrongOrganizationError
from parallel_provider.printable import masked_setting

if TYPE_CHECKING:
    import httpx


class TokenOrganizations:
    """Keeps all requests of one run in one organization; safe to use from several threads.

    It is the organization that the user allows, or else the first one that an answer names.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: str | None = None
        self._allowed_by: str | None = None
        self._verified: set[bytes] = set()
        self._token_without_organization: bytes | None = None

    def allow_only(self, org_id: str, setting: str) -> None:
        """Expect this organization, which the user gave in the setting called `setting`."""
        with self._lock:
            self._expected, self._allowed_by = org_id, setting
            self._verified.clear()

    def must_verify(self, token: str) -> bool:
        """Say whether the organization of `token` must be checked before a change.

        Raises WrongOrganizationError if it can no longer be checked.
        """
        if self._expected is not None:
            return _digest(token) not in self._verified
        if self._token_without_organization not in (None, _digest(token)):
            raise WrongOrganizationError(
                "the access token was renewed before the run could learn which organization it "
                "works in, as that has no apps: run again, or say the organization with "
                "parallel:orgId"
            )
        return False

    def note_unnamed(self, token: str) -> None:
        """Note that the answer to a read with `token` named no organization: it listed no apps."""
        with self._lock:
            self._token_without_organization = self._token_without_organization or _digest(token)

    def learn(self, token: str, org_id: str) -> None:
        """Note that `token` belongs to `org_id`, which an answer named.

        Raises WrongOrganizationError if another organization is expected.
        """
        with self._lock:
            if self._expected is None:
                self._expected = org_id
            if org_id == self._expected:
                self._verified.add(_digest(token))
                return
        raise WrongOrganizationError(self._mismatch(org_id))

    def unknown_organization_error(self) -> WrongOrganizationError:
        """Return the error for a token whose organization the server doesn't name."""
        return WrongOrganizationError(
            "the Account API doesn't tell which organization the access token belongs to, so "
            f"nothing is changed: this run is for organization {self._shown_expected} only. Use a "
            "token with the scope balance:read"
        )

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


def token_of(request: httpx.Request) -> str:
    """Return the Authorization header of a request."""
    return str(request.headers.get("authorization", ""))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
