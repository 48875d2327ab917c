"""Create an app, even if an answer is lost. POST /service/v1/apps.

After a lost answer, an app of that name may appear in the list. This run may have created it, or
somebody else, and nothing tells which. So this module doesn't adopt it: with this resource,
Pulumi would then delete somebody else's app and its keys.
"""

from __future__ import annotations

from parallel_provider.api import ApiError, AppItem, NotFoundError
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app_directory import Organization
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.printable import field_name


def create_app(context: Context, app_name: str) -> AppItem:
    """Create an app that certainly belongs to this run.

    If the answer is lost, it creates a second app. A warning then tells how to find the first one,
    which has no keys and can only be deleted by hand.
    """
    run = context.run
    began = run.now()
    try:
        app_id = run.api.create_app(app_name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        app_id = _create_again(context, app_name, error, began)
    return created_app(run, app_id, app_name)


def created_app(run: Run, app_id: str, app_name: str) -> AppItem:
    """Return a new app with its organization. If that fails, delete the app again.

    Raises LifecycleError if the app isn't new: it must stay as it is then.
    """
    if run.apps.was_listed(app_id) or run.claims.is_known(app_thing(app_id)):
        raise LifecycleError(
            f"the Account API answered with app {app_id} as a new one named {app_name!r}, but that "
            "app existed before, so it is left as it is: please report this"
        )
    try:
        # Only the list has the organization's name. Without one, a refresh finds it later.
        organization = run.apps.organization_after_creating() or Organization(
            run.organization_of_token(), ""
        )
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
    """Delete a new app because its creation failed later. `because` is that failure.

    Raises LifecycleError, which names the app, if it can't be deleted either.
    """
    try:
        run.api.delete_app(app_id)
    except NotFoundError:
        pass
    except ApiError as error:
        raise LifecycleError(
            f"{because}. The app {app_id}, which was created for {app_name!r} just before, can't "
            f"be deleted again either ({error}): adopt it with "
            f"{field_name('existing_app_id')}, or delete it in the Parallel console"
        ) from None
    run.apps.discard(app_id)


def app_thing(app_id: str) -> str:
    """Return what claims call an app."""
    return f"app:{app_id.lower()}"


def ids_of(apps: list[AppItem]) -> str:
    """Return the ids of apps, for an error's text."""
    return ", ".join(sorted(app.app_id for app in apps))


def _create_again(context: Context, app_name: str, lost: ApiError, began: float) -> str:
    """Create a second app after a lost answer, and return its id. `began`: the first attempt."""
    run = context.run
    # Before the attempt, because this process may end before its answer comes.
    context.info(
        f"An answer of the Account API was lost ({lost}), so an app named {app_name!r} may exist "
        "that no stack manages. It is created once more."
    )
    try:
        app_id = run.api.create_app(app_name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        or_two = ", or two of them" if lost_twice else ""
        raise LifecycleError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): an app named "
            f"{app_name!r} may exist that no stack manages{or_two}. "
            f"{_possible_apps(run, app_name, run.span(began))} Run again"
        ) from None
    context.warn(
        f"An answer of the Account API was lost while the app {app_name!r} was created, so a "
        "second app of that name may exist that no stack manages. The one that counts is "
        f"{app_id}. {_possible_apps(run, app_name, run.span(began), app_id)} ({lost})"
    )
    return app_id


def _possible_apps(run: Run, app_name: str, created: str, ours: str | None = None) -> str:
    """Return a text about the apps that a lost answer may have created, and what to do.

    `created` says when.
    """
    advice = (
        "Other stacks and people may have apps of that name: delete in the Parallel console only "
        f"what was created {created} and none of them has."
    )
    try:
        appeared = [app for app in run.apps.appeared(app_name) if app.app_id != ours]
    except ParallelError as error:
        return f"The apps can't be listed ({error}): look with `parallel-provider apps`. {advice}"
    if not appeared:
        return f"No {'other ' if ours else ''}new app of that name is listed now."
    return f"New under that name: {ids_of(appeared)}. {advice}"
