"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

from parallel_provider.api import ApiError, AppItem, NotFoundError, WrongOrganizationError
from parallel_provider.errors import (
    HeldElsewhereError,
    LifecycleError,
    ParallelError,
)
from parallel_provider.lifecycle.claims import Claim, held_text, new_owner
from parallel_provider.lifecycle.declare import (
    UNKNOWN,
    AppId,
    Checked,
    DefaultsToResourceName,
    Flag,
    Inputs,
    Internal,
    OnChange,
    Problem,
    Props,
    ReplaceOnChange,
    State,
    VisibleText,
    is_known,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf
from parallel_provider.lifecycle.run import INCOMPLETE, RUN_LATER, Context, Run
from parallel_provider.printable import field_name
from parallel_provider.user_folder import machine_lock

Marks = tuple[str, ...]
SeenBy = Annotated[Marks, Internal(), Field(strict=False)]
"""The type of the output `seen_by`: marks of the people whose list of apps has had an app."""

_DECLARES_EXISTING = "to declare an app as existing leaves it as it is; `destroy` never deletes it"


class AppInputs(Inputs):
    """What a program says about an app."""

    app_name: Annotated[
        VisibleText,
        ReplaceOnChange(
            "replaces the app: the new app and its keys are created before the old ones are deleted"
        ),
        DefaultsToResourceName(),
    ] = Field(description="The app's name in the Parallel console. It is sent as it is.")
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


class OwnedState(State):
    """The outputs of an app, or of what belongs to one."""

    app_id: str = Field(description="The id of its app.")
    app_name: str = Field(description="The name of its app.")
    org_id: str = Field(description="The organization's id.")
    owner_id: Annotated[str | None, Internal()] = Field(
        default=None, description="Tells this resource from others of a run."
    )
    seen_by: SeenBy = Field(
        default=(), description="Marks of the people whose list of apps has had the app."
    )

    @property
    def owner(self) -> str:
        """What claims call this resource."""
        return self.owner_id or self.resource_id


class AppState(OwnedState):
    """The outputs of an app. `app_name` is the program's; a refresh doesn't change it."""

    app_id: str = Field(description="The app's id, a UUID; also the resource's id.")
    app_name: str = Field(description="The app's name; several apps can have the same name.")
    org_name: str = Field(description="The organization's name.")
    declared_existing: Annotated[bool, Internal()] = Field(
        default=False,
        description="Set by the first program that says `adopt_existing` or `existing_app_id`: "
        "then the app is never deleted.",
    )

    @property
    def resource_id(self) -> str:
        """The app's id."""
        return self.app_id

    def hold(self, context: Context, *, is_new: bool = False) -> None:
        """Claim the app. A new resource may have announced that it adopts it."""
        thing = app_thing(self.app_id)
        context.run.claims.hold(
            thing, self.owner, context.subject, shown=_shown(self), is_new=is_new
        )


# ----------------------------------------------------------------------
# Whether an app or a key is certainly gone. The list of apps is the only proof.
#
# The API can't read one app and lists no keys, and the server decides which apps a person sees.
# So an app that isn't in the list may exist: another person may see it. It is gone only if the
# same person has seen it before. For that, states have marks of the people who have seen an app.
# A mark is a hash that is of use for one app only.
#
# A role isn't known. If an administrator who has seen an app becomes a member who doesn't, it
# looks as if the app were gone.

Presence = Literal["listed", "gone", "unknown"]
"""What the list says of an app: it is there, it is certainly gone, or neither is certain."""

_MARK_LENGTH = 16
# A stack has few people. A list that grew with every new sign-in would be a mistake.
_MAX_MARKS = 50


def mark_of(person: str | None, app_id: str) -> str | None:
    """Return the mark of a person for an app; None if the person isn't known."""
    if person is None:
        return None
    return hashlib.sha256(f"{app_id.lower()}\n{person}".encode()).hexdigest()[:_MARK_LENGTH]


def mark_in(run: Run, app_id: str) -> str | None:
    """Return the mark of the person whose access tokens this run has used."""
    return mark_of(run.api.person(), app_id)


def with_mark(marks: Marks, mark: str | None) -> Marks:
    """Return the marks with one more, the newest first. Nothing changes if it is there already."""
    if mark is None or mark in marks:
        return marks
    return (mark, *marks)[:_MAX_MARKS]


def seen_in(run: Run, app_id: str, before: Marks = ()) -> Marks:
    """Return the marks of an app that this run's list has, or that this run has created."""
    return with_mark(before, mark_in(run, app_id))


OwnedT = TypeVar("OwnedT", bound=OwnedState)


def presence_of(run: Run, app: OwnedState) -> Presence:
    """Return what the list of this run says of an app.

    Raises WrongOrganizationError if it isn't in the list and belongs to another organization.
    """
    if run.apps.find(app.app_id) is not None:
        return "listed"
    if run.apps.is_deleted(app.app_id):
        return "gone"
    org_id = run.organization().org_id
    if org_id != app.org_id:
        raise WrongOrganizationError(
            f"it belongs to organization {app.org_id!r}, and the access token to {org_id!r}, which "
            "can't tell whether it is gone: use a token of the right organization"
        )
    was_seen = mark_in(run, app.app_id) in app.seen_by
    return "gone" if was_seen and run.apps.is_complete() else "unknown"


def is_revoked(
    *, app: Presence, reader: str | None, creator: str | None
) -> Literal["yes", "probably", "unknown"]:
    """Return whether a key for which the server has answered 404 is certainly revoked.

    `reader` and `creator` are the marks of the person who has got the 404 and of the one who has
    created the key. Members manage the keys that they created, so the server may hide a key from
    others. It is "probably" revoked if its app is in the list, and another person has created it.
    """
    if app == "gone" or (reader is not None and reader == creator):
        return "yes"
    if app == "unknown":
        return "unknown"
    return "yes" if reader is None or creator is None else "probably"


def read_app(context: Context, app: OwnedT) -> OwnedT | None:
    """Return an app, or what belongs to it, as the list has it; None if it is certainly gone.

    It stays as it is, with a warning, if this person may not be allowed to see it.
    """
    run = context.run
    listed = run.apps.find(app.app_id)
    if listed is not None:
        return app.model_copy(
            update={
                "app_name": listed.app_name or app.app_name,
                **({"org_name": listed.org_name} if isinstance(app, AppState) else {}),
                "seen_by": seen_in(run, app.app_id, app.seen_by),
            }
        )
    if presence_of(run, app) == "gone":
        return None
    context.warn(
        f"{_shown(app)} isn't in the list of apps, and stays in the state as it is with its keys: "
        f"{_why_unproven(run)}",
        once=True,
    )
    return app


def unproven_error(run: Run, error: NotFoundError, app: OwnedState) -> LifecycleError:
    """Return the error for a 404 that doesn't prove that an app or a key is gone."""
    return LifecycleError(
        f"{error}, and app {app.app_id} ({app.app_name!r}) isn't in the list of apps. It isn't "
        f"treated as gone: {_why_unproven(run)}"
    )


def no_app_text(app_id: str, reason: str = "") -> str:
    """Return the text of an error: a key can't be created in an app."""
    return (
        f"there is no app {app_id} for the access token{reason}: if it was deleted outside Pulumi, "
        "run `pulumi refresh`; otherwise check the token's organization, and whether its person "
        "may use this app"
    )


def _why_unproven(run: Run) -> str:
    if not run.apps.is_complete():
        return f"{INCOMPLETE}: {RUN_LATER}"
    return (
        "the person of this access token isn't known to have seen it before, and may not be "
        "allowed to. To find out, run again with the sign-in of a person who has seen it, or look "
        "as an administrator with `parallel-provider apps`. If it is gone, remove it and its keys "
        "with `pulumi state delete`"
    )


# ----------------------------------------------------------------------
# Adopt an app that exists already. GET /service/v1/apps.
#
# An adopted app is never deleted at the server, and neither is one that was created because there
# was none of this name. So nothing is lost if two runs find none at the same time and each create
# one; on one machine, a lock prevents that.


def _plan_adoption(context: Context, inputs: Props) -> Iterator[Problem]:
    """Tell which app a new resource with these checked inputs will adopt, and note that it will.

    Previews call this too. If it can't be known, a message says so, and it is no error. Yields a
    problem if another resource of this run has the app.
    """
    run, app_name, app_id = context.run, inputs["app_name"], inputs.get("existing_app_id")
    if not is_known([app_name, app_id, inputs.get("adopt_existing")]):
        context.info(
            "Whether an App adopts an app that exists already can't be told yet: an input of it "
            "isn't known before `pulumi up`."
        )
        return
    try:
        app = _find_to_adopt(run, app_name, app_id)
    except LifecycleError as error:
        context.warn(f"As things stand, App {app_name!r} can't be created: {error}")
        return
    except ParallelError as error:
        context.info(
            f"Whether App {app_name!r} adopts an app that exists already can't be told: {error}"
        )
        return
    if app is None:
        return
    other = run.claims.intend(app_thing(app.app_id), context.subject)
    if other is not None:
        name = "existing_app_id" if app_id else "adopt_existing"
        yield Problem(name, f"can't be followed: {held_text(f'app {app.app_id}', other)}")
        return
    _announce_adoption(context, app)


def _announce_adoption(context: Context, app: AppItem) -> None:
    """Tell, once in a run, that an app is adopted and what follows from it."""
    context.info(
        f"App {app.app_id} ({app.app_name!r}) exists already, and this stack adopts it: "
        "`pulumi destroy` revokes the keys of this stack and leaves the app.",
        once=True,
    )


def _find_to_adopt(run: Run, app_name: str, app_id: str | None) -> AppItem | None:
    """Return the app of this id, which must have this name; without an id, the one of this name.

    None if there is none of this name. Raises LifecycleError if there are several.
    """
    if app_id is None:
        return _only_one(run.apps.named(app_name), app_name)
    app = run.apps.require(app_id)
    if app.app_name != app_name:
        raise LifecycleError(
            f"app {app.app_id} is named {app.app_name!r}, not {app_name!r}: set "
            f"{field_name('app_name')} to its name, or {field_name('existing_app_id')} to another "
            "app"
        )
    return app


def _only_one(apps: Sequence[AppItem], app_name: str) -> AppItem | None:
    if len(apps) > 1:
        raise LifecycleError(
            f"{len(apps)} apps are named {app_name!r} ({_ids_of(apps)}): say which one to adopt "
            f"with {field_name('existing_app_id')}"
        )
    return apps[0] if apps else None


def _adopt(context: Context, inputs: AppInputs, app: AppItem) -> AppState:
    """Return the state of an app that exists already, which this resource holds from now on."""
    state = _new_state(context.run, inputs, app)
    state.hold(context, is_new=True)
    context.run.apps.add(app)
    _announce_adoption(context, app)
    return state


def _adopt_or_create(context: Context, inputs: AppInputs) -> AppState:
    """Create an app if there is none of this name by now: another run may have created one."""
    run, app_name = context.run, inputs.app_name
    with machine_lock(run.api.base_url, app_name, cancellation=run.cancellation):
        app = _only_one(run.apps.list_new_apps_named(app_name), app_name)
        return _create(context, inputs) if app is None else _adopt(context, inputs, app)


# ----------------------------------------------------------------------
# Create an app, even if an answer is lost. POST /service/v1/apps.
#
# After a lost answer, an app of that name may appear in the list. This run may have created it,
# or somebody else, and nothing tells which. It is adopted only if the program asks for an app of
# that name, whoever has created it. Otherwise, Pulumi would later delete somebody else's app and
# its keys with this resource. So a second app is created, and a warning tells how to find the first
# one, which has no keys and can only be deleted by hand.


def _create(context: Context, inputs: AppInputs) -> AppState:
    run, app_name = context.run, inputs.app_name
    began = run.now()
    try:
        app_id = run.api.create_app(app_name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        return _create_again(context, inputs, error, began)
    return _created(context, inputs, app_id)


def _create_again(context: Context, inputs: AppInputs, lost: ApiError, began: float) -> AppState:
    """Adopt what has appeared after a lost answer if that is asked for, or create a second app.

    `began` is when the first attempt began.
    """
    run, app_name = context.run, inputs.app_name
    try:
        appeared = run.apps.list_new_apps_named(app_name) if inputs.adopt_existing else []
        app = _only_one(appeared, app_name)
        if app is None:
            if not inputs.adopt_existing:
                # Before the attempt, because this process may end before its answer comes.
                context.info(
                    f"An answer of the Account API was lost ({lost}), so an app named "
                    f"{app_name!r} may exist that no stack manages. It is created once more."
                )
            app_id = run.api.create_app(app_name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        or_two = ", or two of them" if lost_twice else ""
        raise LifecycleError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): an app named "
            f"{app_name!r} may exist that no stack manages{or_two}. "
            f"{_possible_apps(run, app_name, run.span(began))} Run again"
        ) from None
    if app is not None:
        return _adopt(context, inputs, app)
    if not inputs.adopt_existing:
        context.warn(
            f"An answer of the Account API was lost while the app {app_name!r} was created, so a "
            "second app of that name may exist that no stack manages. The one that counts is "
            f"{app_id}. {_possible_apps(run, app_name, run.span(began), app_id)} ({lost})"
        )
    return _created(context, inputs, app_id)


def _possible_apps(run: Run, app_name: str, created: str, ours: str | None = None) -> str:
    """Return a text about the apps that a lost answer may have created, and what to do.

    `created` says when.
    """
    advice = (
        "Other stacks and people may have apps of that name: delete in the Parallel console only "
        f"what was created {created} and none of them has."
    )
    try:
        new = [app for app in run.apps.list_new_apps_named(app_name) if app.app_id != ours]
    except ParallelError as error:
        return f"The apps can't be listed ({error}): look with `parallel-provider apps`. {advice}"
    if not new:
        return f"No {'other ' if ours else ''}new app of that name is listed now."
    return f"New under that name: {_ids_of(new)}. {advice}"


def _created(context: Context, inputs: AppInputs, app_id: str) -> AppState:
    """Return the state of a new app, which this resource holds. If that fails, delete it again.

    Raises LifecycleError if the app isn't new, as the list has it or another resource of this run:
    it must stay as it is then.
    """
    run, app_name = context.run, inputs.app_name
    if run.apps.find(app_id) is not None or run.claims.is_known(app_thing(app_id)):
        raise LifecycleError(
            f"the Account API answered with app {app_id} as a new one named {app_name!r}, but that "
            "app existed before, so it is left as it is: please report this"
        )
    try:
        # Only a list has the organization's name. Without one, a refresh finds it later.
        known = run.apps.organization() or run.apps.list_organization_again()
        org_id, org_name = known or run.organization()
        app = AppItem(app_id=app_id, app_name=app_name, org_id=org_id, org_name=org_name)
        state = _new_state(run, inputs, app)
        state.hold(context, is_new=True)
    except HeldElsewhereError:
        raise
    except ParallelError as error:
        _delete_again(run, app_id, app_name, because=error)
        raise
    run.apps.add(app)
    return state


def _delete_again(run: Run, app_id: str, app_name: str, *, because: ParallelError) -> None:
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


# ----------------------------------------------------------------------
# The lifecycle.


class AppLifecycle(Lifecycle[AppInputs, AppState]):
    """Apps can be created and deleted. They can't be renamed."""

    kind: ClassVar[str] = "App"
    inputs_type = AppInputs
    state_type = AppState

    def check(self, context: Context, olds: Props, news: Props) -> Checked:
        """Check the inputs, and say which app a new resource will adopt."""
        checked = super().check(context, olds, news)
        if not olds and not checked.problems and _declares_existing(checked.inputs):
            checked.problems += _plan_adoption(context, checked.inputs)
        return checked

    def diff(self, context: Context, state: AppState, news: Props) -> Diff:
        """Compare the names, and see whether the program declares the app as existing now."""
        diff = super().diff(context, state, news)
        declaring = _declares_existing(news)
        if diff.replaces or not declaring or state.declared_existing:
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
        run.apps.load()
        with run.apps.creating(inputs.app_name):
            if not _declares_existing(dict(inputs)):
                return _create(context, inputs)
            app = _find_to_adopt(run, inputs.app_name, inputs.existing_app_id)
            if app is not None:
                return _adopt(context, inputs, app)
            return _adopt_or_create(context, inputs)

    def read(self, context: Context, state: AppState) -> AppState | None:
        """Find it in the list of apps. The API has no read of one app.

        Its name stays the program's: a name that somebody has changed at the server must replace
        nothing.
        """
        found = read_app(context, state)
        if found is None:
            return None
        if found.app_name != state.app_name:
            context.info(
                f"{_shown(state)} is named {found.app_name!r} in the list of apps. The API can't "
                "rename apps, so nothing is changed."
            )
        return found.model_copy(update={"app_name": state.app_name})

    def look_up(self, context: Context, resource_id: str) -> AppState:
        """Find an app that this program doesn't manage."""
        state = _state_of(context.run, context.run.apps.require(resource_id.lower()))
        context.run.claims.use(app_thing(state.app_id), state.owner, context.subject)
        return state

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> AppState:  # noqa: ARG002 - it has none
        """Find an app by its id, and manage it from now on."""
        state = _state_of(context.run, context.run.apps.require(resource_id.lower()))
        state.hold(context, is_new=True)
        context.warn(
            f"{_shown(state)} is imported, so this stack manages it: `pulumi destroy` will delete "
            "it with all its keys. To leave it there, declare it with "
            f"{field_name('adopt_existing')}."
        )
        return state

    def update(self, context: Context, state: AppState, inputs: AppInputs) -> AppState:  # noqa: ARG002
        """Note it if the program declares it as existing now."""
        declared = state.declared_existing or bool(_declares_existing(dict(inputs)))
        return state.model_copy(update={"declared_existing": declared})

    def delete(self, context: Context, state: AppState) -> None:
        """Delete it with its keys, unless it was declared as existing, or is needed in this run.

        A replacement is created before the old resource is deleted, and may have adopted the app.
        """
        run = context.run
        if state.declared_existing:
            _leave_existing(context, state)
            return
        context.refuse_after_failure()
        thing = app_thing(state.app_id)
        with run.claims.deleting(thing, state.owner, context.subject) as others:
            if others:
                _leave_to(context, state, others)
            elif not run.apps.is_deleted(state.app_id):
                _delete_at_server(run, state)


def app_thing(app_id: str) -> str:
    """Return what claims call an app."""
    return f"app:{app_id.lower()}"


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
        presence = presence_of(run, state)
        if presence == "unknown":
            raise unproven_error(run, error, state) from None
        if presence == "listed" and run.apps.list_again_has(state.app_id):
            raise LifecycleError(
                f"{error}, and yet it is in the list of apps: run again, and if that doesn't "
                f"help, delete {state.app_id} in the Parallel console"
            ) from None
    run.apps.discard(state.app_id)


def _declares_existing(inputs: Props) -> tuple[str, ...]:
    """Return the inputs that declare an app as existing. A value that isn't known yet does."""
    return tuple(name for name in ("adopt_existing", "existing_app_id") if inputs.get(name))


def _shown(state: OwnedState) -> str:
    return f"App {state.app_id} ({state.app_name!r})"


def _ids_of(apps: Sequence[AppItem]) -> str:
    return ", ".join(sorted(app.app_id for app in apps))


def _state_of(run: Run, app: AppItem) -> AppState:
    return AppState(
        app_id=app.app_id,
        app_name=app.app_name,
        org_id=app.org_id,
        org_name=app.org_name,
        owner_id=new_owner(),
        seen_by=seen_in(run, app.app_id),
    )


def _new_state(run: Run, inputs: AppInputs, app: AppItem) -> AppState:
    existing = bool(_declares_existing(dict(inputs)))
    return _state_of(run, app).model_copy(
        update={"app_name": inputs.app_name, "declared_existing": existing}
    )
