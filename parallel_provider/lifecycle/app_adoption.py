"""Take over an app that exists already. GET /service/v1/apps.

Two runs may look for the same name at the same time, find nothing, and each create an app. On one
machine, a lock keeps them from it. Elsewhere, each looks once more when it has created its app, and
where there are two, both keep the one with the smaller id: whose app has the larger one deletes it
and takes over the other. It may also have looked too early to see the second app, and then keeps
its own; so who has the smaller id waits until the larger is gone, and yields if it stays.
"""

from __future__ import annotations

from parallel_provider.api import AppItem
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.app_creation import create_app, delete_again, ids_of
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.machine_lock import machine_lock
from parallel_provider.lifecycle.run import Run

_ROUNDS = 3
# The other run needs one request to see both apps, and one to delete its own.
_LOOKS = 10
_SECONDS_BETWEEN_LOOKS = 1.0


def adopt_by_id(run: Run, app_id: str, app_name: str) -> AppItem:
    """Return exactly this app, which must have this name."""
    app = run.apps.find(app_id)
    if app is None:
        raise LifecycleError(
            f"there is no app with the id {app_id} to take over: `parallel-provider apps` lists "
            "those that are; check existing_app_id"
        )
    if app.app_name != app_name:
        raise LifecycleError(
            f"app {app.app_id} is named {app.app_name!r}, not {app_name!r}: set app_name to its "
            "name, or existing_app_id to another app"
        )
    return app


def adopt_or_create(run: Run, app_name: str) -> AppItem:
    """Return the one app of this name, created if there is none; several are refused."""
    known = run.apps.named(app_name)
    if known:
        return _the_only(known, app_name)
    with machine_lock(run.api.base_url, app_name):
        for _ in range(_ROUNDS):
            appeared = run.apps.appeared(app_name)
            if appeared:
                app = _the_only(appeared, app_name)
                run.apps.add(app)
                return app
            app = create_app(run, app_name)
            if _is_to_stay(run, app):
                return app
            delete_again(run, app.app_id, app_name, because=_rivalry(app_name))
    raise _rivalry(app_name)


def _the_only(candidates: list[AppItem], app_name: str) -> AppItem:
    if len(candidates) > 1:
        raise LifecycleError(
            f"{len(candidates)} apps are named {app_name!r} ({ids_of(candidates)}): "
            "say which one to take over with existing_app_id"
        )
    return candidates[0]


def _is_to_stay(run: Run, app: AppItem) -> bool:
    """Say whether the app just created is the one that all runs agree on."""
    try:
        rivals = run.apps.appeared(app.app_name)
        if not rivals:
            return True
        if app.app_id > min(rival.app_id for rival in rivals):
            return False
        for _ in range(_LOOKS):
            run.sleep(_SECONDS_BETWEEN_LOOKS)
            if not run.apps.appeared(app.app_name):
                return True
    except ParallelError as error:
        delete_again(run, app.app_id, app.app_name, because=error)
        raise
    return False


def _rivalry(app_name: str) -> LifecycleError:
    return LifecycleError(
        f"other runs create apps named {app_name!r} at the same time: run again when they are done"
    )
