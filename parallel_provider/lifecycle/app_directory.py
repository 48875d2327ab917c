"""The organization's apps. A run lists them once. GET /service/v1/apps."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parallel_provider.api import AppItem, Apps
from parallel_provider.errors import LifecycleError
from parallel_provider.once import Once

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
