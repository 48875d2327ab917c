"""Which organization a run works in, and which access tokens are known to belong to it.

A source of tokens may give another organization's token the second time it is asked.
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

    That is the one that the user allows, or else the first one that an answer names.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: str | None = None
        self._allowed_by: str | None = None
        self._verified: set[bytes] = set()
        self._unnamed: bytes | None = None

    def allow_only(self, org_id: str, setting: str) -> None:
        """Expect this organization, which the user's `setting` names."""
        with self._lock:
            self._expected, self._allowed_by = org_id, setting
            self._verified.clear()

    def must_verify(self, token: str) -> bool:
        """Say whether it isn't known yet that `token` belongs to the expected organization.

        Raises WrongOrganizationError if that can't be known any more.
        """
        if self._expected is not None:
            return _digest(token) not in self._verified
        if self._unnamed not in (None, _digest(token)):
            raise WrongOrganizationError(
                "the access token was renewed before the run could learn which organization it "
                "works in, as that has no apps: run again, or say the organization with "
                "parallel:orgId"
            )
        return False

    def note_unnamed(self, token: str) -> None:
        """Note that a read with `token` named no organization, as a list without apps does."""
        with self._lock:
            self._unnamed = self._unnamed or _digest(token)

    def learn(self, token: str, org_id: str) -> None:
        """Take from an answer which organization `token` belongs to.

        Raises WrongOrganizationError if that isn't the expected one.
        """
        with self._lock:
            if self._expected is None:
                self._expected = org_id
            if org_id == self._expected:
                self._verified.add(_digest(token))
                return
        raise WrongOrganizationError(self._mismatch(org_id))

    def refuse_unknown(self) -> WrongOrganizationError:
        """Return the error for a token that the server doesn't tell the organization of."""
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
    """Return what a request proves its sender's identity with."""
    return str(request.headers.get("authorization", ""))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
