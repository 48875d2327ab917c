"""Adopt an app that exists already. GET /service/v1/apps.

An adopted app is never deleted at the server, and neither is one that was created because there was
none of this name. So nothing is lost if two runs find none at the same time and each create one; on
one machine, a lock prevents that. If an answer is lost, the one app that appears then is adopted,
whether this run has created it or another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from parallel_provider.api import ApiError, AppItem
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app_creation import app_thing, created_app, ids_of
from parallel_provider.lifecycle.claims import held_text
from parallel_provider.lifecycle.declarations import Problem, Props
from parallel_provider.lifecycle.machine_lock import machine_lock
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.printable import field_name

_ATTEMPTS = 3


@dataclass(frozen=True)
class Adopted:
    """An app, and whether this run has created it."""

    app: AppItem
    created: bool = False


def plan_adoption(context: Context, inputs: Props) -> Problem | None:
    """Tell which app a new resource with these checked inputs will adopt, and note that it will.

    Previews call this too. If it can't be known, a message says so, and it is no error. Returns a
    problem if another resource of this run has the app.
    """
    run = context.run
    app_name: Any = inputs.get("app_name")
    app_id: Any = inputs.get("existing_app_id")
    by_name: Any = inputs.get("adopt_existing")
    if app_id is None and not by_name:
        return None
    if any(isinstance(value, Unknown) for value in (app_name, app_id, by_name)):
        context.info(
            "Whether an App adopts an app that exists already can't be told yet: an input of it "
            "isn't known before `pulumi up`."
        )
        return None
    app = _known_app(context, app_name, app_id)
    if app is None:
        return None
    other = run.claims.intend(app_thing(app.app_id), context.subject)
    if other is not None:
        name = "existing_app_id" if app_id else "adopt_existing"
        return Problem(name, f"can't be followed: {held_text(f'app {app.app_id}', other)}")
    announce(context, app)
    return None


def _known_app(context: Context, app_name: str, app_id: str | None) -> AppItem | None:
    """Return the app that will be adopted; None if there is none, or if it can't be known."""
    run = context.run
    try:
        run.require_allowed_organization()
        run.apps.load()
    except ParallelError as error:
        context.info(
            f"Whether App {app_name!r} adopts an app that exists already can't be told: {error}"
        )
        return None
    try:
        return find_by_id(run, app_id, app_name) if app_id else find_by_name(run, app_name)
    except LifecycleError as error:
        context.warn(f"As things stand, App {app_name!r} can't be created: {error}")
        return None


def announce(context: Context, app: AppItem) -> None:
    """Tell, once in a run, that an app is adopted and what follows from it."""
    context.info(
        f"App {app.app_id} ({app.app_name!r}) exists already, and this stack adopts it: "
        "`pulumi destroy` revokes the keys of this stack and leaves the app.",
        once=True,
    )


def find_by_id(run: Run, app_id: str, app_name: str) -> AppItem:
    """Return exactly this app, which must have this name."""
    app = run.apps.find(app_id)
    if app is None:
        raise LifecycleError(
            f"there is no app with the id {app_id} to adopt, or the person of this access "
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
    lost: ApiError | None = None
    with machine_lock(run.api.base_url, app_name, cancellation=run.cancellation):
        for _ in range(_ATTEMPTS):
            appeared = _appeared(run, app_name, lost)
            if appeared is not None:
                return Adopted(appeared)
            try:
                return Adopted(created_app(run, run.api.create_app(app_name), app_name), True)
            except ApiError as error:
                if not error.may_have_worked:
                    raise
                lost = error
        appeared = _appeared(run, app_name, lost)
    if appeared is not None:
        return Adopted(appeared)
    raise LifecycleError(
        f"the answer was lost {_ATTEMPTS} times, and no app named {app_name!r} has appeared: run "
        f"again later ({lost})"
    )


def find_by_name(run: Run, app_name: str) -> AppItem | None:
    """Return the one app of this name that the run knows; raise if there are several."""
    return _only_one(run.apps.named(app_name), app_name)


def _appeared(run: Run, app_name: str, lost: ApiError | None) -> AppItem | None:
    """Return the app of this name that has appeared since the run's first list, if there is one."""
    try:
        app = _only_one(run.apps.appeared(app_name), app_name)
    except ParallelError as error:
        if lost is None:
            raise
        raise LifecycleError(
            f"the answer was lost ({lost}), and then: {error}. An app named {app_name!r} may exist "
            "that no stack manages: look with `parallel-provider apps`, and run again, with its id "
            f"as {field_name('existing_app_id')} if there are several"
        ) from None
    if app is not None:
        run.apps.add(app)
    return app


def _only_one(candidates: list[AppItem], app_name: str) -> AppItem | None:
    if len(candidates) > 1:
        raise LifecycleError(
            f"{len(candidates)} apps are named {app_name!r} ({ids_of(candidates)}): "
            f"say which one to adopt with {field_name('existing_app_id')}"
        )
    return candidates[0] if candidates else None
