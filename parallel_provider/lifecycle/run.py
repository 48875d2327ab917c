"""What all operations of one run share: the client, one list of apps, one look at the balance."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from parallel_provider.api import AccountApi, PermissionDeniedError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.app_directory import AppDirectory
from parallel_provider.lifecycle.charge_claims import ChargeClaims
from parallel_provider.lifecycle.charge_journal import ChargeJournal
from parallel_provider.lifecycle.errors import LifecycleError, WrongOrganizationError
from parallel_provider.once import Once

# Each of these threads keeps a connection to itself, so that they serve the whole run.
_REVOKING_THREADS = 8


class Messages(Protocol):
    """Where a run can tell its user something."""

    def info(self, text: str) -> None:
        """Say something that is good to know."""

    def warn(self, text: str) -> None:
        """Say something that asks for attention."""


@dataclass(frozen=True)
class Guards:
    """What the user allows: which organization, and how much one charge may be.

    `org_id_origin` names the setting that `org_id` comes from. Without `max_top_up_cents` nothing
    is ever charged.
    """

    org_id: str | None = None
    org_id_origin: str | None = None
    max_top_up_cents: int | None = None


class Run:
    """One run of the provider's process; safe to use from several threads.

    `clock` returns epoch seconds; `sleep` takes seconds. `journal` is the user's own on this
    machine unless given.
    """

    def __init__(
        self,
        api: AccountApi,
        messages: Messages,
        guards: Guards | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        *,
        journal: ChargeJournal | None = None,
    ) -> None:
        self.api = api
        self.messages = messages
        self.guards = guards or Guards()
        self.clock = clock
        self.sleep = sleep
        self.apps = AppDirectory(api.list_apps)
        self.balance = Once(api.get_balance)
        if self.guards.org_id is not None:
            api.organizations.allow_only(self.guards.org_id, self.guards.org_id_origin or "orgId")
        self.charge_claims = ChargeClaims()
        self.charge_journal = journal or ChargeJournal()
        self.revoking = ThreadPoolExecutor(_REVOKING_THREADS, "revoking")

    def server_time(self) -> float | None:
        """Return the server's time in epoch seconds, asking for an answer where none has come yet.

        None when its answers have no date. What revokes or charges goes by this: this machine's
        own clock may be wrong.
        """
        if self.api.server_time() is None:
            self.apps.load()
        return self.api.server_time()

    def require_allowed_organization(self) -> None:
        """Refuse to go on if the access token belongs to another organization than allowed.

        Asks the server once a run, and only where `parallel:orgId` is set. To be called before
        anything is changed. The client asks again for each later token, before its first change.
        """
        if self.guards.org_id is None:
            return
        try:
            self.balance.get()
        except PermissionDeniedError:
            # Without the scope to read the balance, the apps tell it too.
            if self.apps.organization() is None:
                raise

    def require_same_organization(self, org_id: str) -> None:
        """Refuse to take something for gone if the token can't see where it was.

        What another organization's token doesn't list may well be there.
        """
        actual = self._organization_of_token()
        if actual != org_id:
            raise WrongOrganizationError(
                f"it belongs to organization {org_id!r}, and the access token to {actual!r}, which "
                "can't tell whether it is gone: use a token of the right organization"
            )

    def _organization_of_token(self) -> str:
        organization = self.apps.organization()
        if organization is not None:
            return organization.org_id
        try:
            return self.balance.get().org_id
        except ParallelError as error:
            raise LifecycleError(
                "the list of apps is empty, and without it only the balance tells which "
                f"organization the access token belongs to: {error}"
            ) from None
