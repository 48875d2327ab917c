"""`Run`: what all calls of one run share. `Context`: one call, and the resource that it is for."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from parallel_provider.api import (
    AccountApi,
    AppItem,
    Apps,
    PermissionDeniedError,
    WrongOrganizationError,
)
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.charge_journal import ChargeJournal
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.once import Once

# ----------------------------------------------------------------------
# The organization's apps. A run lists them once. GET /service/v1/apps.

INCOMPLETE = (
    "the answer with the list of apps isn't as the Account API documents it (200, JSON, nothing "
    "but apps, no next page), so it may lack apps"
)
RUN_LATER = "run again later, and if that doesn't help, with a newer version of parallel-provider"


@dataclass(frozen=True)
class Organization:
    """The organization of the listed apps."""

    org_id: str
    org_name: str


class _Apps:
    """Apps by id and by name, so that a look-up is fast among a thousand apps."""

    def __init__(self, apps: Apps | None = None) -> None:
        self.is_complete = apps is None or apps.is_complete
        self.by_id: dict[str, AppItem] = {}
        self._by_name: defaultdict[str, list[AppItem]] = defaultdict(list)
        for app in apps or ():
            self.add(app)

    def __contains__(self, app_id: str) -> bool:
        return app_id in self.by_id

    def add(self, app: AppItem) -> None:
        if app.app_id not in self.by_id:
            self.by_id[app.app_id] = app
            self._by_name[app.app_name].append(app)

    def named(self, app_name: str) -> Sequence[AppItem]:
        return self._by_name.get(app_name, ())


class AppDirectory:
    """All apps: as listed before the first change of the run, with the run's own changes.

    Safe to use from several threads. If the list fails, it fails for all of them.
    """

    def __init__(self, list_apps: Callable[[], Apps]) -> None:
        self._list_apps = list_apps
        self._before = Once(self._list)
        self._after = Once(self._list)
        self._lock = threading.Lock()
        self._created = _Apps()
        self._deleted: set[str] = set()
        self._creating: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def load(self) -> None:
        """List the apps if that wasn't done yet. Call it before the first change of the run."""
        self._before.get()

    def find(self, app_id: str) -> AppItem | None:
        """Return the app of this id, or None, as far as this run knows."""
        listed = self._before.get()
        with self._lock:
            if app_id in self._deleted:
                return None
            return self._created.by_id.get(app_id) or listed.by_id.get(app_id)

    def all(self) -> list[AppItem]:
        """Return every app, as far as this run knows."""
        listed = self._before.get()
        with self._lock:
            known = {**listed.by_id, **self._created.by_id}
            return [app for app_id, app in known.items() if app_id not in self._deleted]

    def named(self, app_name: str) -> list[AppItem]:
        """Return the apps of exactly this name. Several apps can have the same name.

        Raises LifecycleError if the list isn't complete.
        """
        listed = _complete(self._before.get())
        with self._lock:
            known = (*listed.named(app_name), *self._created.named(app_name))
            return [app for app in known if app.app_id not in self._deleted]

    def is_complete(self) -> bool:
        """Return whether an app that isn't in the list doesn't exist for this person."""
        return self._before.get().is_complete

    def was_listed(self, app_id: str) -> bool:
        """Return whether an app was in the list of this run."""
        return app_id in self._before.get()

    def is_still_there(self, app_id: str) -> bool:
        """Return whether an app is still listed. Lists again only if it was listed before."""
        return app_id in self._before.get() and app_id in self._list()

    def organization(self) -> Organization | None:
        """Return the organization of the apps; None if there was no app."""
        return _owner(self._before.get())

    def organization_after_creating(self) -> Organization | None:
        """Return the organization after an app was created; lists again if it must."""
        return self.organization() or _owner(self._after.get())

    def appeared(self, app_name: str) -> list[AppItem]:
        """List again; return the new apps of this name that this run hasn't added.

        Raises LifecycleError if a list isn't complete.
        """
        before = _complete(self._before.get())
        now = _complete(self._list())
        with self._lock:
            return [
                app
                for app in now.named(app_name)
                if app.app_id not in before and app.app_id not in self._created
            ]

    def creating(self, app_name: str) -> threading.Lock:
        """Return the lock that is held while an app of this name is created."""
        with self._lock:
            return self._creating[app_name]

    def add(self, app: AppItem) -> None:
        """Note an app that this run has created, or adopted when it appeared."""
        with self._lock:
            self._created.add(app)

    def discard(self, app_id: str) -> None:
        """Note that this run has deleted an app."""
        with self._lock:
            self._deleted.add(app_id)

    def is_deleted(self, app_id: str) -> bool:
        """Return whether this run has deleted an app."""
        with self._lock:
            return app_id in self._deleted

    def _list(self) -> _Apps:
        return _Apps(self._list_apps())


def _complete(apps: _Apps) -> _Apps:
    if not apps.is_complete:
        raise LifecycleError(f"{INCOMPLETE}: {RUN_LATER}")
    return apps


def _owner(apps: _Apps) -> Organization | None:
    return next((Organization(app.org_id, app.org_name) for app in apps.by_id.values()), None)


# ----------------------------------------------------------------------
# The texts of failures, which are one line each.


def reason_of(error: Exception) -> str:
    """Return the text of an error of this package. The text of others may hold a secret."""
    return str(error) if isinstance(error, ParallelError) else f"unexpected {type(error).__name__}"


# Each thread has a connection of its own, so the whole run uses the same threads.
_REVOCATION_THREADS = 8


class Messages(Protocol):
    """Shows messages to the user."""

    def info(self, text: str) -> None:
        """Show an information."""

    def warn(self, text: str) -> None:
        """Show a warning."""


@dataclass(frozen=True)
class Guards:
    """What the user allows: one organization, and the most that one charge may be.

    `org_id_origin` names the setting that `org_id` comes from. Without `max_top_up_cents` nothing
    is charged.
    """

    org_id: str | None = None
    org_id_origin: str | None = None
    max_top_up_cents: int | None = None


@dataclass(frozen=True)
class ResourceNames:
    """The names that the program gives a resource now. An empty text stands for an unknown name.

    `default_name` is the value of the name input where the program gives none. `parent_types` are
    the types of the resource's parents, as in its URN.
    """

    name: str = ""
    default_name: str = ""
    organization: str = ""
    project: str = ""
    stack: str = ""
    parent_types: str = ""


def _utc_text(seconds: float) -> str:
    """Return epoch seconds as a time in UTC, such as 2026-11-24T16:48:16Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Run:
    """One run of the provider's process. Safe to use from several threads.

    `clock` returns epoch seconds. `wait` takes seconds; a cancelled run ends it. `journal` is the
    journal of charges that this user has on this machine, unless another one is given. `claims` are
    those of the engine's run; without them, this process is alone.
    """

    def __init__(
        self,
        api: AccountApi,
        messages: Messages,
        guards: Guards | None = None,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], object] | None = None,
        *,
        journal: ChargeJournal | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.api = api
        self.messages = messages
        self.guards = guards or Guards()
        self.clock = clock
        self.cancellation = api.cancellation
        self.wait = wait or self.cancellation.wait
        self.apps = AppDirectory(api.list_apps)
        self.balance = Once(api.get_balance)
        if self.guards.org_id is not None:
            api.allow_only(self.guards.org_id, self.guards.org_id_origin or "orgId")
        self.claims = claims or Claims()
        self.charge_journal = journal or ChargeJournal()
        self.revocation_threads = ThreadPoolExecutor(_REVOCATION_THREADS, "revocation")
        self._shown = set[str]()
        self._lock = threading.Lock()

    def is_first_time(self, text: str) -> bool:
        """Return whether this method gets the text for the first time in this run."""
        with self._lock:
            is_first = text not in self._shown
            self._shown.add(text)
            return is_first

    def server_time(self) -> float | None:
        """Return the server's time in epoch seconds, or None when its answers have no date.

        Lists the apps if there was no answer yet. Revocations and charges use this time, as the
        clock of this machine may be wrong.
        """
        if self.api.server_time() is None:
            self.apps.load()
        return self.api.server_time()

    def now(self) -> float:
        """Return the server's time in epoch seconds, or this machine's if that isn't known."""
        known = self.api.server_time()
        return self.clock() if known is None else known

    def span(self, start: float) -> str:
        """Return a text for the time from `start` until now, with a second more at both ends.

        The server's Date has whole seconds.
        """
        end = self.now() + 1
        clock = "this machine" if self.api.server_time() is None else "the server"
        return f"between {_utc_text(start - 1)} and {_utc_text(end)} by {clock}'s clock"

    def require_allowed_organization(self) -> None:
        """Raise WrongOrganizationError if the access token's organization isn't the allowed one.

        Call it before a change. It asks the server once in a run, and only if `parallel:orgId` is
        set. The client asks again for each later token, before the first change with it.
        """
        if self.guards.org_id is None:
            return
        try:
            self.balance.get()
        except PermissionDeniedError:
            # The token may lack the scope for the balance. The apps tell the organization too.
            if self.apps.organization() is None:
                raise

    def require_same_organization(self, org_id: str) -> None:
        """Raise WrongOrganizationError if the access token is of another organization.

        Call it before something counts as deleted: a token of another organization doesn't see it.
        """
        actual = self.organization_of_token()
        if actual != org_id:
            raise WrongOrganizationError(
                f"it belongs to organization {org_id!r}, and the access token to {actual!r}, which "
                "can't tell whether it is gone: use a token of the right organization"
            )

    def organization_of_token(self) -> str:
        """Return the id of the access token's organization. Asks for the balance if it must."""
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


@dataclass(frozen=True)
class Context:
    """One call for one resource: the run, what is known of the resource, and its messages.

    `messages` are the run's, unless the caller has messages for this resource alone. `subject` is
    what messages call the resource, such as "ApiKey 'ci'".
    """

    run: Run
    resource: ResourceNames = ResourceNames()
    messages: Messages | None = None
    subject: str = ""

    def refuse_after_failed_creation(self) -> None:
        """Raise LifecycleError if a resource of this run couldn't be created.

        Only with --continue-on-error does Pulumi delete something then.
        """
        failed = self.run.claims.failed_creation()
        if failed is not None:
            raise LifecycleError(
                f"it isn't deleted, because creating {failed} failed in this run, and that may "
                "take its place: solve that, then run again"
            )

    def info(self, text: str, *, once: bool = False) -> None:
        """Show an information; with `once`, only if this run hasn't shown the same text yet."""
        if not once or self.run.is_first_time(text):
            (self.messages or self.run.messages).info(text)

    def warn(self, text: str, *, once: bool = False) -> None:
        """Show a warning; with `once`, only if this run hasn't shown the same text yet."""
        if not once or self.run.is_first_time(text):
            (self.messages or self.run.messages).warn(text)
