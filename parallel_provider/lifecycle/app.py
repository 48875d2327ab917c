"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from parallel_provider.api import AppItem, NotFoundError
from parallel_provider.errors import HeldElsewhereError, LifecycleError, ParallelError
from parallel_provider.lifecycle.app_adoption import (
    Adopted,
    adopt_or_create,
    announce,
    find_by_id,
    plan_adoption,
)
from parallel_provider.lifecycle.app_creation import app_thing, create_app, delete_again
from parallel_provider.lifecycle.claims import Claim, new_owner
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
from parallel_provider.printable import field_name

_DECLARES_EXISTING = "to declare an app as existing leaves it as it is; `destroy` never deletes it"


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
    adopt_existing: Annotated[Flag, OnChange(_DECLARES_EXISTING)] = Field(
        default=False,
        description="Adopt the app of this name if there is exactly one, create it if there is "
        "none, fail if there are several. Preview and `up` name the adopted app. `destroy` leaves "
        "the app, even if this created it.",
    )
    existing_app_id: Annotated[AppId | None, OnChange(_DECLARES_EXISTING)] = Field(
        default=None,
        description="Adopt the app with this id. Fails if it doesn't exist or has another name. "
        "`destroy` leaves the app.",
    )


class AppState(State):
    """The outputs of an app. `app_name` is the program's; a refresh doesn't change it."""

    app_id: str = Field(description="The app's id, a UUID; also the resource's id.")
    app_name: str = Field(description="The app's name; several apps can have the same name.")
    org_id: str = Field(description="The organization's id.")
    org_name: str = Field(description="The organization's name.")
    owner_id: Annotated[str | None, Internal()] = Field(
        default=None, description="Tells this resource from others of a run."
    )
    declared_existing: Annotated[bool, Internal()] = Field(
        default=False,
        description="True from the first program on that says adopt_existing or existing_app_id: "
        "then the app is never deleted.",
    )
    seen_by: SeenBy = Field(
        default=(), description="Marks of the people whose list of apps has had it."
    )

    @property
    def resource_id(self) -> str:
        """The app's id."""
        return self.app_id

    @property
    def owner(self) -> str:
        """What claims call this resource."""
        return self.owner_id or self.app_id


class AppLifecycle(Lifecycle[AppInputs, AppState]):
    """Apps can be created and deleted. They can't be renamed."""

    kind: ClassVar[str] = "App"
    created_marker: ClassVar[str] = "app_id"
    inputs_type = AppInputs
    state_type = AppState

    def check(self, context: Context, olds: Props, news: Props) -> Checked:
        """Check the inputs; say which app a new resource will adopt."""
        checked = super().check(context, olds, news)
        if not olds and not checked.problems:
            problem = plan_adoption(context, checked.inputs)
            checked.problems += [problem] if problem else []
        return checked

    def diff(self, context: Context, state: AppState, news: Props) -> Diff:
        """Compare the names, and claim the app if this resource stays."""
        diff = super().diff(context, state, news)
        if diff.replaces:
            return diff
        if context.run.claims.has_program:
            _hold(context, state, is_new=False)
        declaring = _declares_existing(news)
        if not declaring or state.declared_existing:
            return diff
        context.info(
            f"{_shown(state)} is declared as existing now: from this run on, `pulumi destroy` "
            "leaves it. It and its keys stay as they are, whatever a preview says about them."
        )
        return replace(diff, updates=declaring)

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. The id of an app that is adopted may be known."""
        expected = super().expect_create(context, inputs)
        return {**expected, "app_id": inputs.get("existing_app_id") or UNKNOWN}

    def create(self, context: Context, inputs: AppInputs) -> AppState:
        """Adopt the app that the inputs name, or create one."""
        run = context.run
        run.require_allowed_organization()
        run.apps.load()
        with run.apps.creating(inputs.app_name):
            adopted = _app_for(context, inputs)
            state = _state_of(run, adopted.app).model_copy(
                update={
                    "app_name": inputs.app_name,
                    "declared_existing": bool(_declares_existing(dict(inputs))),
                }
            )
            try:
                _hold(context, state)
            except HeldElsewhereError:
                raise
            except ParallelError as error:
                if adopted.created:
                    delete_again(run, state.app_id, state.app_name, because=error)
                raise
        if not adopted.created:
            announce(context, adopted.app)
        return state

    def read(self, context: Context, state: AppState) -> AppState | None:
        """Find it in the list of apps. The API has no read of one app.

        It stays as it is, with a warning, if this person may not be allowed to see it. Its name
        stays the program's: a name that somebody has changed at the server must replace nothing.
        """
        run = context.run
        run.require_allowed_organization()
        app, proof = find_app(run, state)
        if app is not None:
            if app.app_name != state.app_name:
                context.info(
                    f"{_shown(state)} is named {app.app_name!r} in the list of apps. The API can't "
                    "rename apps, so nothing is changed."
                )
            marks = with_mark(state.seen_by, mark_in(run, app.app_id))
            return state.model_copy(update={"org_name": app.org_name, "seen_by": marks})
        if proof == "gone":
            return None
        warn_of_unknown(context, state)
        return state

    def look_up(self, context: Context, resource_id: str) -> AppState:
        """Find an app that this program doesn't manage."""
        state = _find(context.run, resource_id)
        context.run.claims.use(app_thing(state.app_id), state.owner, context.subject)
        return state

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> AppState:  # noqa: ARG002
        """Find an app by its id, and manage it from now on."""
        state = _find(context.run, resource_id)
        _hold(context, state)
        context.warn(
            f"{_shown(state)} is imported, so this stack manages it: `pulumi destroy` will delete "
            "it with all its keys. To leave it there, declare it with "
            f"{field_name('adopt_existing')}."
        )
        return state

    def expect_update(self, context: Context, state: AppState, inputs: Props) -> dict[str, Any]:
        """Return the outputs after an update."""
        return {**super().expect_update(context, state, inputs), "declared_existing": True}

    def update(self, context: Context, state: AppState, inputs: AppInputs) -> AppState:  # noqa: ARG002
        """Note that the program declares it as existing."""
        return state.model_copy(update={"declared_existing": True})

    def delete(self, context: Context, state: AppState) -> None:
        """Delete it with its keys, unless it was declared as existing, or is needed in this run.

        A replacement is created before the old resource is deleted, and may have adopted the app.
        """
        run = context.run
        if state.declared_existing:
            _leave_existing(context, state)
            return
        run.require_allowed_organization()
        context.refuse_after_failed_creation()
        thing = app_thing(state.app_id)
        with run.claims.deleting(thing, state.owner, context.subject) as others:
            if others:
                _leave_to(context, state, others)
            elif not run.apps.is_deleted(state.app_id):
                _delete_at_server(run, state)
        run.claims.release(thing, state.owner)


def _hold(context: Context, state: AppState, *, is_new: bool = True) -> None:
    context.run.claims.hold(
        app_thing(state.app_id), state.owner, context.subject, shown=_shown(state), is_new=is_new
    )


def _leave_existing(context: Context, state: AppState) -> None:
    claims, thing = context.run.claims, app_thing(state.app_id)
    claims.release(thing, state.owner)
    if all(other.kind == "uses" for other in claims.others(thing, state.owner)):
        context.warn(
            f"{_shown(state)} stays at the server with its keys: it was declared as existing, and "
            "such an app is never deleted. If nobody needs it, delete it in the Parallel console."
        )


def _leave_to(context: Context, state: AppState, others: Sequence[Claim]) -> None:
    subjects = sorted({other.subject for other in others})
    context.warn(
        f"{_shown(state)} isn't deleted at the server, and neither are its keys: this run has it "
        f"in {' and '.join(subjects)}. Keys that were removed with it by the option deletedWith "
        "keep working: look for them in the Parallel console."
    )


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


def _declares_existing(inputs: Props) -> tuple[str, ...]:
    """Return the inputs that declare an app as existing. A value that isn't known yet does."""
    return tuple(name for name in ("adopt_existing", "existing_app_id") if inputs.get(name))


def _find(run: Run, app_id: str) -> AppState:
    run.require_allowed_organization()
    app = run.apps.find(app_id.lower())
    if app is None:
        raise LifecycleError(
            f"there is no app with the id {app_id} in the organization of the access "
            "token, or its person may not see it: `parallel-provider apps` lists those that are"
        )
    return _state_of(run, app)


def _shown(state: AppState) -> str:
    return f"App {state.app_id} ({state.app_name!r})"


def _state_of(run: Run, app: AppItem) -> AppState:
    return AppState(
        app_id=app.app_id,
        app_name=app.app_name,
        org_id=app.org_id,
        org_name=app.org_name,
        owner_id=new_owner(),
        seen_by=seen_in(run, app.app_id),
    )
