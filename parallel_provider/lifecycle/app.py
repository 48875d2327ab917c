"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, ClassVar

from pydantic import Field

from parallel_provider.api import AppItem, NotFoundError
from parallel_provider.errors import LifecycleError, ParallelError
from parallel_provider.lifecycle.app_adoption import (
    Adopted,
    adopt_or_create,
    announce,
    announce_adoption,
    find_by_id,
)
from parallel_provider.lifecycle.app_creation import create_app
from parallel_provider.lifecycle.declarations import (
    Checked,
    DefaultsToResourceName,
    Inputs,
    Internal,
    OnChange,
    Props,
    ReplaceOnChange,
    State,
)
from parallel_provider.lifecycle.field_types import AppId, Flag, VisibleText
from parallel_provider.lifecycle.presence import (
    Marks,
    SeenBy,
    find_app,
    mark_in,
    seen_in,
    unproven_error,
    warn_of_unknown,
    with_mark,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.lifecycle.unknown import UNKNOWN


class AppInputs(Inputs):
    """What a program says about an app."""

    app_name: Annotated[
        VisibleText,
        ReplaceOnChange(),
        DefaultsToResourceName(),
        OnChange(
            "replaces the app: the new app and its keys are created before the old ones are deleted"
        ),
    ] = Field(description="The app's name in the Parallel console.")
    adopt_existing: Annotated[Flag, OnChange("changes nothing")] = Field(
        default=False,
        description="Adopt the app of this name if there is exactly one, create it if there is "
        "none, fail if there are several. Preview and `up` name the adopted app.",
    )
    existing_app_id: Annotated[AppId | None, OnChange("changes nothing")] = Field(
        default=None,
        description="Adopt the app with this id. Fails if it doesn't exist or has another name.",
    )


class AppState(State):
    """The outputs of an app."""

    app_id: str = Field(description="The app's id, a UUID; also the resource's id.")
    app_name: str = Field(description="The app's name; several apps can have the same name.")
    org_id: str = Field(description="The organization's id.")
    org_name: str = Field(description="The organization's name.")
    adoption_id: Annotated[str | None, Internal()] = Field(
        default=None,
        description="Only if the app was taken over: tells this resource from others with the app.",
    )
    seen_by: SeenBy = Field(
        default=(), description="Marks of the people whose list of apps has had it."
    )

    @property
    def resource_id(self) -> str:
        """The app's id."""
        return self.app_id


class AppLifecycle(Lifecycle[AppInputs, AppState]):
    """Apps can be created and deleted. They can't be renamed."""

    kind: ClassVar[str] = "App"
    created_marker: ClassVar[str] = "app_id"
    inputs_type = AppInputs
    state_type = AppState

    def check(self, context: Context, olds: Props, news: Props) -> Checked:
        """Check the inputs; say which app a new resource will take over."""
        checked = super().check(context, olds, news)
        if not olds and not checked.problems:
            announce_adoption(context, checked.inputs)
        return checked

    def diff(self, context: Context, state: AppState, news: Props) -> Diff:
        """Compare the names, and note that this resource manages the app."""
        diff = super().diff(context, state, news)
        is_alone = context.run.apps.uses.manages(state.app_id, state.adoption_id)
        if not is_alone and not diff.replaces:
            _warn_of_two(context, state)
        return diff

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. The id of an app that is taken over may be known."""
        expected = super().expect_create(context, inputs)
        return {**expected, "app_id": inputs.get("existing_app_id") or UNKNOWN}

    def create(self, context: Context, inputs: AppInputs) -> AppState:
        """Take over the app that the inputs name, or create one."""
        run = context.run
        run.require_allowed_organization()
        run.apps.load()
        uses = run.apps.uses
        with run.apps.creating(inputs.app_name):
            adopted = _app_for(context, inputs)
            adoption_id = None if adopted.created else str(uuid.uuid4())
            state = _state_of(adopted.app, adoption_id, seen_in(run, adopted.app.app_id))
            refusal = uses.take(state.app_id, state.adoption_id)
            if refusal is not None:
                raise LifecycleError(
                    f"app {state.app_id} is {refusal}: declare it once, and pass it on"
                )
            uses.got(inputs.existing_app_id or inputs.app_name)
        if not adopted.created:
            announce(context, adopted.app)
            if not uses.manages(state.app_id, state.adoption_id):
                _warn_of_two(context, state)
        return state

    def read(self, context: Context, state: AppState) -> AppState | None:
        """Find it in the list of apps. The API has no read of one app.

        It stays as it is, with a warning, if this person may not be allowed to see it.
        """
        run = context.run
        run.require_allowed_organization()
        app, proof = find_app(run, state)
        if app is not None:
            marks = with_mark(state.seen_by, mark_in(run, app.app_id))
            return _state_of(app, state.adoption_id, marks)
        if proof == "gone":
            return None
        warn_of_unknown(context, state)
        return state

    def look_up(self, context: Context, resource_id: str) -> AppState:
        """Find an app that this program doesn't manage."""
        run = context.run
        run.require_allowed_organization()
        app = run.apps.find(resource_id.lower())
        if app is None:
            raise LifecycleError(
                f"there is no app with the id {resource_id} in the organization of the access "
                "token, or its person may not see it: `parallel-provider apps` lists those that are"
            )
        run.apps.uses.reads(app.app_id)
        return _state_of(app, seen_by=seen_in(run, app.app_id))

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> AppState:  # noqa: ARG002
        """Find an app by its id."""
        return self.look_up(context, resource_id)

    def delete(self, context: Context, state: AppState) -> None:
        """Delete it with its keys, unless another resource of this stack needs it.

        A replacement is created before the old resource is deleted, and may have taken over the
        same app.
        """
        run = context.run
        run.require_allowed_organization()
        uses = run.apps.uses
        reason = uses.begin_deletion(state.app_id, state.app_name, state.adoption_id)
        if reason is not None:
            context.warn(
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
    if not state.seen_by:
        # If an answer is lost, only this list can prove later that the app is gone.
        run.apps.load()
    try:
        run.api.delete_app(state.app_id)
    except NotFoundError as error:
        run.require_same_organization(state.org_id)
        if not run.apps.was_listed(state.app_id) and find_app(run, state)[1] == "unknown":
            raise unproven_error(run, error, state) from None
        if run.apps.is_still_there(state.app_id):
            raise LifecycleError(
                f"{error}, and yet it is in the list of apps: run again, and if that doesn't "
                f"help, delete {state.app_id} in the Parallel console"
            ) from None
    run.apps.discard(state.app_id)


def _app_for(context: Context, inputs: AppInputs) -> Adopted:
    if inputs.existing_app_id is not None:
        return Adopted(find_by_id(context.run, inputs.existing_app_id, inputs.app_name))
    if inputs.adopt_existing:
        return adopt_or_create(context.run, inputs.app_name)
    return Adopted(create_app(context, inputs.app_name), created=True)


def _warn_of_two(context: Context, state: AppState) -> None:
    context.warn(
        f"App {state.app_id} ({state.app_name!r}) is managed by two resources of this stack: "
        "declare it in one place only. It is deleted with the last of them.",
        once=True,
    )


def _state_of(app: AppItem, adoption_id: str | None = None, seen_by: Marks = ()) -> AppState:
    return AppState(
        app_id=app.app_id,
        app_name=app.app_name,
        org_id=app.org_id,
        org_name=app.org_name,
        adoption_id=adoption_id,
        seen_by=seen_by,
    )
