"""Create an app once, also when the answer is lost on the way. POST /service/v1/apps."""

from __future__ import annotations

from parallel_provider.api import ApiError, AppItem, NotFoundError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.run import Run

_ATTEMPTS_TO_CREATE = 3


def create_app(run: Run, app_name: str) -> AppItem:
    """Create an app that others know nothing of. An error means that none is left, or names it."""
    app_id = _create_once(run, app_name)
    try:
        organization = run.apps.organization_after_creating()
        if organization is None:
            raise LifecycleError(f"the new app {app_id} isn't in the list of apps")
    except ParallelError as error:
        delete_again(run, app_id, app_name, because=error)
        raise
    app = AppItem(
        app_id=app_id,
        app_name=app_name,
        org_id=organization.org_id,
        org_name=organization.org_name,
    )
    run.apps.add(app)
    return app


def delete_again(run: Run, app_id: str, app_name: str, *, because: ParallelError) -> None:
    """Delete what was just created: a create that fails must leave nothing behind.

    Raises LifecycleError, naming the app, when it can't be deleted either.
    """
    try:
        run.api.delete_app(app_id)
    except NotFoundError:
        pass
    except ApiError as error:
        raise LifecycleError(
            f"{because}. The app {app_id}, which was created for {app_name!r} just before, can't "
            f"be deleted again either ({error}): take it over with existing_app_id, or delete it "
            "in the Parallel console"
        ) from None
    run.apps.discard(app_id)


def _create_once(run: Run, app_name: str) -> str:
    """Create one app, also when the answer is lost on the way, and return its id.

    An answer that never came may stand for an app that exists: it is the one new app of this name
    in a list made now, as apps of one name are created one after the other.
    """
    for _ in range(_ATTEMPTS_TO_CREATE):
        try:
            return run.api.create_app(app_name)
        except ApiError as error:
            if not error.may_have_worked:
                raise
            lost = error
        appeared = _appeared(run, app_name, lost)
        if appeared is not None:
            return appeared
    raise LifecycleError(
        f"the answer was lost {_ATTEMPTS_TO_CREATE} times, and no app named {app_name!r} has "
        f"appeared: run again later ({lost})"
    )


def _appeared(run: Run, app_name: str, lost: ApiError) -> str | None:
    """Return the id of the app that a lost answer stands for; None if there is none."""
    try:
        appeared = run.apps.appeared(app_name)
    except ParallelError as error:
        raise LifecycleError(
            f"the answer was lost ({lost}), and the apps can't be listed ({error}): an app named "
            f"{app_name!r} may exist. Look with `parallel-provider apps`, and take it over with "
            "existing_app_id, or run again if it isn't there"
        ) from None
    if len(appeared) > 1:
        raise LifecycleError(
            f"the answer was lost ({lost}), and {len(appeared)} new apps are named {app_name!r} "
            f"({ids_of(appeared)}): delete those that aren't yours, and take yours over with "
            "existing_app_id"
        )
    return appeared[0].app_id if appeared else None


def ids_of(apps: list[AppItem]) -> str:
    """Return the ids of apps, for an error's text."""
    return ", ".join(sorted(app.app_id for app in apps))
