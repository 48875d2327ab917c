"""Which resources of a stack manage which app, as far as this run knows.

Several resources of one stack can manage one app: a new one takes it over from one that is
renamed, moved or replaced, and the old one is deleted afterwards, by this run or, when this one is
killed, by a later run. So an app is deleted at the server only with the last resource that manages
it.

The engine asks for a diff of each resource that stays, in every run, and for one of each resource
that it refreshes, also of those that it is about to delete. What a resource is called isn't told.
So each adoption has an id of its own in the state, by which a resource that is deleted is told from
the others; the resource that created the app has none.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict


class AppUses:
    """Notes who manages, reads or is about to take over an app; safe to use from several threads.

    A resource is told by the id of its adoption, None for the one that created the app.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._managers: defaultdict[str, set[str | None]] = defaultdict(set)
        self._taken: set[str] = set()
        self._read: set[str] = set()
        self._wanted: Counter[str] = Counter()
        self._deleting: set[str] = set()
        self._told: set[tuple[str, str]] = set()

    def manages(self, app_id: str, adoption_id: str | None) -> bool:
        """Note that a resource manages an app; say whether it is the only one known to."""
        with self._lock:
            self._managers[app_id].add(adoption_id)
            return self._managers[app_id] == {adoption_id}

    def take(self, app_id: str, adoption_id: str | None) -> str | None:
        """Give an app to a resource that this run creates; say why not, where it can't be had."""
        with self._lock:
            if app_id in self._taken:
                return "already taken over by another resource of this program"
            if app_id in self._deleting:
                return "just being deleted by another resource of this program"
            self._taken.add(app_id)
            self._managers[app_id].add(adoption_id)
            return None

    def reads(self, app_id: str) -> None:
        """Note that the program reads an app that it doesn't manage."""
        with self._lock:
            self._read.add(app_id)

    def wants(self, app: str) -> None:
        """Note that a resource which is about to be created takes over this app, by id or name."""
        with self._lock:
            self._wanted[app] += 1

    def got(self, app: str) -> None:
        """Note that such a resource has been created."""
        with self._lock:
            self._wanted[app] = max(0, self._wanted[app] - 1)

    def begin_deletion(self, app_id: str, app_name: str, adoption_id: str | None) -> str | None:
        """Take an app from a resource that is deleted; say why the app has to stay, if it has to.

        Where it needn't, it can't be taken over any more, until the deletion has failed.
        """
        with self._lock:
            managers = self._managers[app_id]
            managers.discard(adoption_id)
            if managers:
                return "another resource of this stack manages it"
            if self._wanted[app_id] > 0 or self._wanted[app_name] > 0:
                return "a resource that is about to be created takes it over"
            if app_id in self._read:
                return "this program reads it with App.get"
            self._deleting.add(app_id)
            return None

    def deletion_failed(self, app_id: str) -> None:
        """Note that the app is still there."""
        with self._lock:
            self._deleting.discard(app_id)

    def is_first_time(self, what: str, app: str) -> bool:
        """Say whether this run hasn't told this about the app before."""
        with self._lock:
            is_first = (what, app) not in self._told
            self._told.add((what, app))
            return is_first
