"""`Run`: what all calls of one run share. `Context`: one call, and the resource that it is for."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain
from typing import NamedTuple, Protocol

from parallel_provider.api import AccountApi, AppItem, Apps
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.charge_journal import ChargeJournal
from parallel_provider.lifecycle.claims import Claims
from parallel_provider.lifecycle.declare import canonical_json
from parallel_provider.once import Once

# ----------------------------------------------------------------------
# The organization's apps. A run lists them once. GET /service/v1/apps.

INCOMPLETE = (
    "the answer with the list of apps isn't as the Account API documents it (200, JSON, nothing "
    "but apps, no next page), so it may lack apps"
)
RUN_LATER = "run again later, and if that doesn't help, with a newer version of parallel-provider"


class Organization(NamedTuple):
    """An organization. The name is empty where only the balance has told the id."""

    org_id: str
    org_name: str


class _List(NamedTuple):
    """A list of apps, by their ids."""

    apps: Mapping[str, AppItem]
    is_complete: bool


class AppDirectory:
    """All apps: as listed before the first change of the run, with the run's own changes.

    Safe to use from several threads. If the list fails, it fails for all of them. Ids are in lower
    case.
    """

    def __init__(self, list_apps: Callable[[], Apps]) -> None:
        self._list_apps = list_apps
        self._listed = Once(self._list)
        self._listed_again = Once(self._list)
        self._lock = threading.Lock()
        self._created: dict[str, AppItem] = {}
        self._deleted: set[str] = set()
        self._creating: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def load(self) -> None:
        """List the apps if that wasn't done yet. Call it before the first change of the run."""
        self._listed.get()

    def find(self, app_id: str) -> AppItem | None:
        """Return the app of this id, or None, as far as this run knows."""
        listed = self._listed.get().apps
        with self._lock:
            if app_id in self._deleted:
                return None
            return self._created.get(app_id) or listed.get(app_id)

    def require(self, app_id: str) -> AppItem:
        """Return the app of this id. Raises LifecycleError if there is none."""
        app = self.find(app_id)
        if app is None:
            raise LifecycleError(
                f"there is no app with the id {app_id} in the organization of the access token, or "
                "its person may not see it: `parallel-provider apps` lists those that are"
            )
        return app

    def all(self) -> list[AppItem]:
        """Return every app, as far as this run knows."""
        listed = self._listed.get().apps
        with self._lock:
            known = {**listed, **self._created}
            return [app for app_id, app in known.items() if app_id not in self._deleted]

    def named(self, app_name: str) -> list[AppItem]:
        """Return the apps of exactly this name. Several apps can have the same name.

        Raises LifecycleError if the list isn't complete.
        """
        _require_complete(self._listed.get())
        return [app for app in self.all() if app.app_name == app_name]

    def is_complete(self) -> bool:
        """Return whether an app that isn't in the list doesn't exist for this person."""
        return self._listed.get().is_complete

    def organization(self) -> Organization | None:
        """Return the organization of the apps; None if there was no app."""
        listed = self._listed.get().apps
        with self._lock:
            return _owner(chain(listed.values(), self._created.values()))

    def list_organization_again(self) -> Organization | None:
        """Return the organization of a list after the first creation; None if that has no app.

        All resources share this list too.
        """
        return _owner(self._listed_again.get().apps.values())

    def list_again_has(self, app_id: str) -> bool:
        """List the apps again; return whether the list has this app."""
        return app_id in self._list().apps

    def list_new_apps_named(self, app_name: str) -> list[AppItem]:
        """List the apps again; return the new ones of this name that this run hasn't added.

        Raises LifecycleError if a list isn't complete.
        """
        before = _require_complete(self._listed.get())
        now = _require_complete(self._list())
        with self._lock:
            return [
                app
                for app_id, app in now.apps.items()
                if app.app_name == app_name
                and app_id not in before.apps
                and app_id not in self._created
            ]

    def creating(self, app_name: str) -> threading.Lock:
        """Return the lock that is held while an app of this name is created."""
        with self._lock:
            return self._creating[app_name]

    def add(self, app: AppItem) -> None:
        """Note an app that this run has created, or adopted when it appeared."""
        with self._lock:
            self._created[app.app_id] = app

    def discard(self, app_id: str) -> None:
        """Note that this run has deleted an app."""
        with self._lock:
            self._deleted.add(app_id)

    def is_deleted(self, app_id: str) -> bool:
        """Return whether this run has deleted an app."""
        with self._lock:
            return app_id in self._deleted

    def _list(self) -> _List:
        apps = self._list_apps()
        return _List({app.app_id: app for app in apps}, apps.is_complete)


def _require_complete(apps: _List) -> _List:
    if not apps.is_complete:
        raise LifecycleError(f"{INCOMPLETE}: {RUN_LATER}")
    return apps


def _owner(apps: Iterable[AppItem]) -> Organization | None:
    return next((Organization(app.org_id, app.org_name) for app in apps), None)


# ----------------------------------------------------------------------
# A run, and one call of it.

# Each thread has a connection of its own, so the whole run uses the same threads.
_REVOCATION_THREADS = 8


class Messages(Protocol):
    """Shows messages to the user."""

    def info(self, text: str) -> None:
        """Show an information."""

    def warn(self, text: str) -> None:
        """Show a warning."""


@dataclass(frozen=True)
class ResourceNames:
    """The names that the program gives a resource now. An empty text stands for an unknown name.

    `parent_types` are the types of the resource's parents, as in its URN.
    """

    organization: str = ""
    project: str = ""
    stack: str = ""
    name: str = ""
    parent_types: str = ""

    def __str__(self) -> str:
        place = f" in {self.parent_types}" if self.parent_types else ""
        return "/".join((self.organization, self.project, self.stack, self.name)) + place

    @property
    def digest(self) -> str:
        """A text that no other names have."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()


def _utc_text(seconds: float) -> str:
    """Return epoch seconds as a time in UTC, such as 2026-11-24T16:48:16Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Run:
    """One run of the provider's process. Safe to use from several threads.

    `clock` returns epoch seconds. `journal` is the journal of charges that this user has on this
    machine, unless another one is given. `claims` are those of the engine's run; without them, this
    process is alone. `max_top_up_cents` is the most that one charge may be; without it, nothing is
    charged.
    """

    def __init__(
        self,
        api: AccountApi,
        messages: Messages,
        max_top_up_cents: int | None = None,
        clock: Callable[[], float] = time.time,
        *,
        journal: ChargeJournal | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.api = api
        self.messages = messages
        self.max_top_up_cents = max_top_up_cents
        self.clock = clock
        self.cancellation = api.cancellation
        self.apps = AppDirectory(self._list_apps)
        self.balance = Once(api.get_balance)
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

        Lists the apps if there was no answer yet; an answer with an error has the time as well.
        Revocations and charges use this time, as the clock of this machine may be wrong.
        """
        if self.api.server_time() is None:
            with contextlib.suppress(ParallelError):
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

    def organization(self) -> Organization:
        """Return the access token's organization. Asks for the balance if the list has no app."""
        known = self.apps.organization()
        if known is not None:
            return known
        try:
            return Organization(self.balance.get().org_id, "")
        except ParallelError as error:
            raise LifecycleError(
                "the list of apps is empty, and without it only the balance tells which "
                f"organization the access token belongs to: {error}"
            ) from None

    def _list_apps(self) -> Apps:
        apps = self.api.list_apps()
        if not apps and self.api.is_guarded:
            self.balance.get()  # a list without apps doesn't tell whose it is
        return apps


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

    def refuse_after_failure(self) -> None:
        """Raise LifecycleError if a resource of this run failed.

        Only with --continue-on-error does Pulumi delete something then.
        """
        failed = self.run.claims.failed_resource()
        if failed is not None:
            raise LifecycleError(
                f"it isn't deleted, because {failed} failed in this run and may be what takes its "
                "place: solve that, then run again"
            )

    def info(self, text: str, *, once: bool = False) -> None:
        """Show an information; with `once`, only if this run hasn't shown the same text yet."""
        if not once or self.run.is_first_time(text):
            (self.messages or self.run.messages).info(text)

    def warn(self, text: str, *, once: bool = False) -> None:
        """Show a warning; with `once`, only if this run hasn't shown the same text yet."""
        if not once or self.run.is_first_time(text):
            (self.messages or self.run.messages).warn(text)


def reason_of(error: Exception) -> str:
    """Return the text of an error of this package. The text of others may hold a secret."""
    return str(error) if isinstance(error, ParallelError) else f"unexpected {type(error).__name__}"
