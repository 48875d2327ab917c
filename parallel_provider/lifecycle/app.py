"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

import uuid
from typing import ClassVar

from parallel_provider.api import AppItem, NotFoundError
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.app_adoption import (
    Adopted,
    adopt_or_create,
    announce,
    find_by_id,
    foresee,
)
from parallel_provider.lifecycle.app_creation import create_app
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import LifecycleError
from parallel_provider.lifecycle.resource import Checked, Diff, Lifecycle, Model, Props, State
from parallel_provider.lifecycle.run import Run


class AppInputs(Model, frozen=True, kw_only=True):
    """What a user says of an app."""

    app_name: str
    adopt_existing: bool = False
    existing_app_id: str | None = None


class AppState(State, frozen=True, kw_only=True):
    """What is known of an app.

    `adoption_id` is there when the app was taken over. It tells the resource from others that
    manage the same app.
    """

    app_id: str
    app_name: str
    org_id: str
    org_name: str
    adoption_id: str | None = None

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

    def check(self, run: Run, olds: Props, news: Props) -> Checked:
        """Names must be visible; ids must be UUIDs. A new app that is taken over is announced."""
        check = InputCheck(news)
        check.default_from("app_name", "default_app_name", olds)
        check.text("app_name")
        check.flag("adopt_existing")
        check.uuid("existing_app_id", required=False)
        checked = check.result()
        if not olds and not checked.problems:
            foresee(run, checked.inputs)
        return checked

    def diff(self, run: Run, state: AppState, news: Props) -> Diff:
        """Compare the names, and note that this resource manages the app."""
        diff = super().diff(run, state, news)
        is_alone = run.apps.uses.manages(state.app_id, state.adoption_id)
        if not is_alone and not diff.replaces:
            _warn_of_two(run, state)
        return diff

    def create(self, run: Run, inputs: AppInputs) -> AppState:
        """Take over the app that is asked for, or create one."""
        run.require_allowed_organization()
        run.apps.load()
        uses = run.apps.uses
        with run.apps.creating(inputs.app_name):
            adopted = _app_for(run, inputs)
            state = _state_of(adopted.app, None if adopted.created else str(uuid.uuid4()))
            refusal = uses.take(state.app_id, state.adoption_id)
            if refusal is not None:
                raise LifecycleError(
                    f"app {state.app_id} is {refusal}: declare it once, and pass it on"
                )
            uses.got(inputs.existing_app_id or inputs.app_name)
        if not adopted.created:
            announce(run, adopted.app)
            if not uses.manages(state.app_id, state.adoption_id):
                _warn_of_two(run, state)
        return state

    def read(self, run: Run, state: AppState) -> AppState | None:
        """Find it in the list of apps, the only read there is."""
        run.require_allowed_organization()
        app = run.apps.find(state.app_id)
        if app is not None:
            return _state_of(app, state.adoption_id)
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
        run.apps.uses.reads(app.app_id)
        return _state_of(app)

    def delete(self, run: Run, state: AppState) -> None:
        """Delete it, with its keys, unless something else in this stack needs it.

        Where the new resource is created before the old one is deleted, the new one may have taken
        over the very app that the old one had.
        """
        run.require_allowed_organization()
        uses = run.apps.uses
        reason = uses.begin_deletion(state.app_id, state.app_name, state.adoption_id)
        if reason is not None:
            run.messages.warn(
                f"App {state.app_id} ({state.app_name!r}) isn't deleted at the server, and neither "
                f"are its keys: {reason}."
            )
        elif not run.apps.is_deleted(state.app_id):
            try:
                _delete_at_server(run, state)
            except ParallelError:
                uses.deletion_failed(state.app_id)
                raise


def _delete_at_server(run: Run, state: AppState) -> None:
    try:
        run.api.delete_app(state.app_id)
    except NotFoundError as error:
        run.require_same_organization(state.org_id)
        if run.apps.is_still_there(state.app_id):
            raise LifecycleError(
                f"{error}, and yet it is in the list of apps: run again, and if that doesn't "
                f"help, delete {state.app_id} in the Parallel console"
            ) from None
    run.apps.discard(state.app_id)


def _app_for(run: Run, inputs: AppInputs) -> Adopted:
    if inputs.existing_app_id is not None:
        return Adopted(find_by_id(run, inputs.existing_app_id, inputs.app_name))
    if inputs.adopt_existing:
        return adopt_or_create(run, inputs.app_name)
    return Adopted(create_app(run, inputs.app_name), created=True)


def _warn_of_two(run: Run, state: AppState) -> None:
    if run.apps.uses.is_first_time("managed twice", state.app_id):
        run.messages.warn(
            f"App {state.app_id} ({state.app_name!r}) is managed by two resources of this stack: "
            "declare it in one place only. It is deleted with the last of them."
        )


def _state_of(app: AppItem, adoption_id: str | None = None) -> AppState:
    return AppState(
        app_id=app.app_id,
        app_name=app.app_name,
        org_id=app.org_id,
        org_name=app.org_name,
        adoption_id=adoption_id,
    )
