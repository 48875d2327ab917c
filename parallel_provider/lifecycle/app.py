"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from parallel_provider.api import ApiError, AppItem, NotFoundError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.resource import Checked, Lifecycle, Model, Props, State
from parallel_provider.lifecycle.run import Run

_ATTEMPTS_TO_CREATE = 3


class AppInputs(Model):
    """What a user says of an app."""

    app_name: str
    adopt_existing: bool = False
    existing_app_id: str | None = None


class AppState(State):
    """What is known of an app."""

    app_id: str
    app_name: str
    org_id: str
    org_name: str

    @property
    def resource_id(self) -> str:
        """The app's id."""
        return self.app_id


class AppLifecycle(Lifecycle[AppInputs, AppState]):
    """Apps have a name and nothing else; there is no renaming."""

    kind: ClassVar[str] = "App"
    name_input: ClassVar[str] = "app_name"
    known_by: ClassVar[str] = "app_id"
    replaced_by: ClassVar[tuple[str, ...]] = ("app_name",)
    inputs_type = AppInputs
    state_type = AppState

    def check(self, run: Run, olds: Props, news: Props) -> Checked:  # noqa: ARG002
        """Names must be visible; ids must be UUIDs."""
        check = InputCheck(news)
        check.default_from("app_name", "default_app_name", olds)
        check.text("app_name")
        check.flag("adopt_existing")
        check.uuid("existing_app_id", required=False)
        return check.result()

    def create(self, run: Run, inputs: AppInputs) -> AppState:
        """Take over the app that is asked for, or create one."""
        run.require_allowed_organization()
        run.apps.load()
        with run.apps.creating(inputs.app_name):
            existing = _app_to_adopt(run, inputs)
            if existing is None:
                existing = _create_app(run, inputs.app_name)
            if not run.apps.claim(existing.app_id):
                raise LifecycleError(
                    f"app {existing.app_id} is already taken over by another resource of this "
                    "program: declare it once, and pass it on"
                )
        return _state_of(existing)

    def read(self, run: Run, state: AppState) -> AppState | None:
        """Find it in the list of apps, the only read there is."""
        run.require_allowed_organization()
        app = run.apps.find(state.app_id)
        if app is not None:
            return _state_of(app)
        run.require_same_organization(state.org_id)
        return None

    def look_up(self, run: Run, resource_id: str) -> AppState:
        """Find an app that this program doesn't manage."""
        run.require_allowed_organization()
        app = run.apps.find(resource_id.lower())
        if app is None:
            raise LifecycleError(
                f"there is no app with the id {resource_id} in the organization of the access "
                "token: `parallel-provider apps` lists those that are"
            )
        return _state_of(app)

    def delete(self, run: Run, state: AppState) -> None:
        """Delete it; its keys stop working with it."""
        run.require_allowed_organization()
        try:
            run.api.delete_app(state.app_id)
        except NotFoundError:
            run.require_same_organization(state.org_id)
        run.apps.discard(state.app_id)


def _app_to_adopt(run: Run, inputs: AppInputs) -> AppItem | None:
    if inputs.existing_app_id is not None:
        app = run.apps.find(inputs.existing_app_id)
        if app is None:
            raise LifecycleError(
                f"there is no app with the id {inputs.existing_app_id} to take over: "
                "`parallel-provider apps` lists those that are; check existing_app_id"
            )
        if app.app_name != inputs.app_name:
            raise LifecycleError(
                f"app {app.app_id} is named {app.app_name!r}, not {inputs.app_name!r}: set "
                "app_name to its name, or existing_app_id to another app"
            )
        return app
    if not inputs.adopt_existing:
        return None
    candidates = run.apps.named(inputs.app_name)
    if len(candidates) > 1:
        raise LifecycleError(
            f"{len(candidates)} apps are named {inputs.app_name!r} ({_ids(candidates)}): "
            "say which one to take over with existing_app_id"
        )
    return candidates[0] if candidates else None


def _create_app(run: Run, app_name: str) -> AppItem:
    app_id = _create_once(run, app_name)
    try:
        organization = run.apps.organization_after_creating()
        if organization is None:
            raise LifecycleError(f"the new app {app_id} isn't in the list of apps")
    except ParallelError:
        # A create that fails must leave nothing behind; without the list, that is all one can do.
        with contextlib.suppress(ApiError):
            run.api.delete_app(app_id)
        raise
    app = AppItem(
        app_id=app_id,
        app_name=app_name,
        org_id=organization.org_id,
        org_name=organization.org_name,
    )
    run.apps.add(app)
    return app


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
            f"({_ids(appeared)}): delete those that aren't yours, and take yours over with "
            "existing_app_id"
        )
    return appeared[0].app_id if appeared else None


def _state_of(app: AppItem) -> AppState:
    return AppState(
        app_id=app.app_id, app_name=app.app_name, org_id=app.org_id, org_name=app.org_name
    )


def _ids(apps: list[AppItem]) -> str:
    return ", ".join(sorted(app.app_id for app in apps))
