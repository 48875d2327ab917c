"""Create an app, also when the answer is lost on the way. POST /service/v1/apps.

After a lost answer, an app of that name may appear in the list. It may be the one that was asked
for, or one that somebody else has just created, and nothing tells which. So it isn't taken over
here: whoever deletes this resource would delete somebody else's app with its keys.
"""

from __future__ import annotations

from parallel_provider.api import ApiError, AppItem, NotFoundError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.run import Run


def create_app(run: Run, app_name: str) -> AppItem:
    """Create an app that is certainly this run's own.

    If the answer is lost, a second app is created, and a warning names the first one, as far as it
    is known: it has no keys, and can only be deleted by hand.
    """
    try:
        app_id = run.api.create_app(app_name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        app_id = _create_again(run, app_name, error)
    return created_app(run, app_id, app_name)


def created_app(run: Run, app_id: str, app_name: str) -> AppItem:
    """Tell whose the app is that was just created. An error means that it's gone, or names it."""
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


def ids_of(apps: list[AppItem]) -> str:
    """Return the ids of apps, for an error's text."""
    return ", ".join(sorted(app.app_id for app in apps))


def _create_again(run: Run, app_name: str, lost: ApiError) -> str:
    """Create a second app after a lost answer, and return its id."""
    try:
        app_id = run.api.create_app(app_name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        or_two = ", or two of them" if lost_twice else ""
        raise LifecycleError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): an app named "
            f"{app_name!r} may exist that no stack manages{or_two}. {_strays(run, app_name)} Run "
            "again"
        ) from None
    run.messages.warn(
        f"An answer of the Account API was lost while the app {app_name!r} was created, so a "
        "second app of that name may exist that no stack manages. The one that counts is "
        f"{app_id}. {_strays(run, app_name, ours=app_id)} ({lost})"
    )
    return app_id


def _strays(run: Run, app_name: str, ours: str | None = None) -> str:
    """Say which apps a lost answer may stand for, by a list made now, and what to do."""
    try:
        appeared = [app for app in run.apps.appeared(app_name) if app.app_id != ours]
    except ParallelError as error:
        return (
            f"The apps can't be listed ({error}): look with `parallel-provider apps`, and delete "
            "in the Parallel console what nobody else has created."
        )
    if not appeared:
        return f"No {'other ' if ours else ''}new app of that name is listed now."
    return (
        f"New under that name: {ids_of(appeared)}. In the Parallel console, delete what nobody "
        "else has created."
    )
