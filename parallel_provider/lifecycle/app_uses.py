"""Which resources of a stack manage which app, as far as this run knows.

Several resources of one stack can manage one app. A resource takes it over from another one that is
renamed, moved or replaced. The old resource is deleted later in this run, or in a later run if this
one is killed. So an app is deleted at the server only with the last resource that manages it.

In every run, the engine asks for the diff of each resource that stays. It asks the same for each
resource that it refreshes, even if it deletes that resource afterwards. It doesn't tell the name of
the resource. So each adoption has an id in the state, which tells a resource that is deleted from
the others. The resource that created the app has no such id.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict


class AppUses:
    """Notes who manages, reads or will take over an app. Safe to use from several threads.

    The id of its adoption identifies a resource. It is None for the one that created the app.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._managers: defaultdict[str, set[str | None]] = defaultdict(set)
        self._taken: set[str] = set()
        self._read: set[str] = set()
        self._wanted: Counter[str] = Counter()
        self._deleting: set[str] = set()

    def manages(self, app_id: str, adoption_id: str | None) -> bool:
        """Note that a resource manages an app; return whether no other one is known to."""
        with self._lock:
            self._managers[app_id].add(adoption_id)
            return self._managers[app_id] == {adoption_id}

    def take(self, app_id: str, adoption_id: str | None) -> str | None:
        """Give an app to a resource that this run creates; return why not, if it can't have it."""
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
        """Note that a resource will be created that takes over this app, given by id or name."""
        with self._lock:
            self._wanted[app] += 1

    def got(self, app: str) -> None:
        """Note that such a resource has been created."""
        with self._lock:
            self._wanted[app] = max(0, self._wanted[app] - 1)

    def begin_deletion(self, app_id: str, app_name: str, adoption_id: str | None) -> str | None:
        """Take an app from a resource that is deleted; return why the app has to stay, if so.

        If it needn't stay, no resource can take it over any more, unless the deletion fails.
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
