"""Take over an app that exists already. GET /service/v1/apps.

Two runs may look for the same name at the same time, find nothing, and each create an app. On one
machine, a lock prevents this. On two machines, each run lists the apps again after it has created
its app. If there are two apps then, both runs keep the one with the smaller id: the run with the
larger id deletes its app and takes over the other one. A run that listed the apps too early doesn't
see the second app, and keeps its own. So the run with the smaller id waits until the larger id is
gone. If it stays, this run deletes its own app and takes over the other one.

If an answer is lost, the app that appears may be of this run or of another one. It is taken over,
since the program asked for it by its name. It is never deleted in favour of another app.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parallel_provider.api import ApiError, AppItem
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app_creation import created_app, delete_again, ids_of
from parallel_provider.lifecycle.declarations import Props
from parallel_provider.lifecycle.machine_lock import machine_lock
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.printable import field_name

_ROUNDS = 3
# The other run needs one request to see both apps, and one request to delete its own.
_LOOKS = 10
_SECONDS_BETWEEN_LOOKS = 1.0


@dataclass(frozen=True)
class Adopted:
    """An app, and whether this run has created it."""

    app: AppItem
    created: bool = False


def announce_adoption(context: Context, inputs: Props) -> None:
    """Tell which app a resource with these checked inputs will take over.

    Previews call this too. If it can't be known, a message says so, and it is no error.
    """
    run = context.run
    app_name: Any = inputs.get("app_name")
    app_id: Any = inputs.get("existing_app_id")
    by_name: Any = inputs.get("adopt_existing")
    if app_id is None and not by_name:
        return
    if any(isinstance(value, Unknown) for value in (app_name, app_id, by_name)):
        context.info(
            "Whether an App takes over an app that exists already can't be told yet: an input of "
            "it isn't known before `pulumi up`."
        )
        return
    run.apps.uses.wants(app_id or app_name)
    try:
        run.require_allowed_organization()
        run.apps.load()
    except ParallelError as error:
        context.info(
            f"Whether App {app_name!r} takes over an app that exists already can't be told: {error}"
        )
        return
    try:
        app = find_by_id(run, app_id, app_name) if app_id else find_by_name(run, app_name)
    except LifecycleError as error:
        context.warn(f"As things stand, App {app_name!r} can't be created: {error}")
    else:
        if app is not None:
            announce(context, app)


def announce(context: Context, app: AppItem) -> None:
    """Tell, once in a run, that an app is taken over and what follows from it."""
    context.info(
        f"App {app.app_id} ({app.app_name!r}) exists already, and is taken over by this stack: "
        "`pulumi destroy` will delete it with all its keys, unless the resource has "
        "retain_on_delete=True.",
        once=True,
    )


def find_by_id(run: Run, app_id: str, app_name: str) -> AppItem:
    """Return exactly this app, which must have this name."""
    app = run.apps.find(app_id)
    if app is None:
        raise LifecycleError(
            f"there is no app with the id {app_id} to take over, or the person of this access "
            "token may not see it: `parallel-provider apps` lists those that are; check "
            f"{field_name('existing_app_id')}"
        )
    if app.app_name != app_name:
        raise LifecycleError(
            f"app {app.app_id} is named {app.app_name!r}, not {app_name!r}: set "
            f"{field_name('app_name')} to its name, or {field_name('existing_app_id')} to another "
            "app"
        )
    return app


def adopt_or_create(run: Run, app_name: str) -> Adopted:
    """Return the one app of this name; create it if there is none; raise if there are several."""
    known = find_by_name(run, app_name)
    if known is not None:
        return Adopted(known)
    with machine_lock(run.api.base_url, app_name, cancellation=run.cancellation):
        for round_ in range(1, _ROUNDS + 1):
            appeared = _appeared(run, app_name)
            if appeared is not None:
                return Adopted(appeared)
            try:
                app_id = run.api.create_app(app_name)
            except ApiError as error:
                if not error.may_have_worked:
                    raise
                appeared = _after_lost_answer(run, app_name, error, is_last=round_ == _ROUNDS)
                if appeared is not None:
                    return Adopted(appeared)
                continue
            app = created_app(run, app_id, app_name)
            if _may_stay(run, app):
                return Adopted(app, created=True)
            delete_again(run, app.app_id, app_name, because=_other_runs_error(app_name))
    raise _other_runs_error(app_name)


def find_by_name(run: Run, app_name: str) -> AppItem | None:
    """Return the one app of this name that the run knows; raise if there are several."""
    return _only_one(run.apps.named(app_name), app_name)


def _appeared(run: Run, app_name: str) -> AppItem | None:
    app = _only_one(run.apps.appeared(app_name), app_name)
    if app is not None:
        run.apps.add(app)
    return app


def _after_lost_answer(run: Run, app_name: str, lost: ApiError, *, is_last: bool) -> AppItem | None:
    """Return the app that has appeared after a lost answer; None if the caller should retry."""
    try:
        appeared = _appeared(run, app_name)
    except ParallelError as error:
        raise LifecycleError(
            f"the answer was lost ({lost}), and then: {error}. An app named {app_name!r} may exist "
            "that no stack manages: look with `parallel-provider apps`, and run again, with its id "
            f"as {field_name('existing_app_id')} if there are several"
        ) from None
    if appeared is None and is_last:
        raise LifecycleError(
            f"the answer was lost {_ROUNDS} times, and no app named {app_name!r} has appeared: run "
            f"again later ({lost})"
        )
    return appeared


def _only_one(candidates: list[AppItem], app_name: str) -> AppItem | None:
    if len(candidates) > 1:
        raise LifecycleError(
            f"{len(candidates)} apps are named {app_name!r} ({ids_of(candidates)}): "
            f"say which one to take over with {field_name('existing_app_id')}"
        )
    return candidates[0] if candidates else None


def _may_stay(run: Run, app: AppItem) -> bool:
    """Return whether the app that was just created is the one that all runs keep."""
    try:
        others = run.apps.appeared(app.app_name)
        if not others:
            return True
        if app.app_id > min(other.app_id for other in others):
            return False
        for _ in range(_LOOKS):
            run.wait(_SECONDS_BETWEEN_LOOKS)
            if not run.apps.appeared(app.app_name):
                return True
    except ParallelError as error:
        delete_again(run, app.app_id, app.app_name, because=error)
        raise
    return False


def _other_runs_error(app_name: str) -> LifecycleError:
    return LifecycleError(
        f"other runs create apps named {app_name!r} at the same time: run again when they are done"
    )
