"""App: a group of API keys. /service/v1/apps and /service/v1/apps/{app_id}."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from parallel_provider.api import ApiError, AppItem, NotFoundError
from parallel_provider.errors import HeldElsewhereError, LifecycleError, ParallelError
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
    Unknown,
    VisibleText,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf
from parallel_provider.lifecycle.run import INCOMPLETE, RUN_LATER, Context, Organization, Run
from parallel_provider.printable import field_name
from parallel_provider.user_folder import machine_lock

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

Marks = tuple[str, ...]
Proof = Literal["listed", "gone", "unknown"]
"""What the list says of an app: it is there, it is certainly gone, or neither is certain."""

_MARK_LENGTH = 16
# A stack has few people. A list that grew with every new sign-in would be a mistake.
_MAX_MARKS = 50


SeenBy = Annotated[Marks, Internal(), Field(strict=False)]
"""The type of the output `seen_by`: marks of the people whose list of apps has had an app."""


class InApp(Protocol):
    """The outputs that an app and all its keys have."""

    @property
    def app_id(self) -> str:
        """The app's id."""

    @property
    def app_name(self) -> str:
        """The app's name."""

    @property
    def org_id(self) -> str:
        """The organization's id."""

    @property
    def seen_by(self) -> Marks:
        """Marks of the people whose list of apps has had the app."""


def mark_of(person: str | None, app_id: str) -> str | None:
    """Return the mark of a person for an app; None if the person isn't known."""
    if person is None:
        return None
    return hashlib.sha256(f"{app_id.lower()}\n{person}".encode()).hexdigest()[:_MARK_LENGTH]


def with_mark(marks: Marks, mark: str | None) -> Marks:
    """Return the marks with one more, the newest first. Nothing changes if it is there already."""
    if mark is None or mark in marks:
        return marks
    return (mark, *marks)[:_MAX_MARKS]


def is_gone(*, list_is_complete: bool, reader: str | None, seen_by: Marks) -> bool:
    """Return whether an app that isn't in the list is certainly gone.

    `reader` is the mark of the person whose list it is, `seen_by` has the marks of the people who
    have seen the app before.
    """
    return list_is_complete and reader is not None and reader in seen_by


def is_revoked(
    *, app: Proof, reader: str | None, creator: str | None
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


def mark_in(run: Run, app_id: str) -> str | None:
    """Return the mark of the person whose access tokens this run has used."""
    return mark_of(run.api.person(), app_id)


def seen_in(run: Run, app_id: str) -> Marks:
    """Return the marks for an app that this run's list has, or that this run has created."""
    return with_mark((), mark_in(run, app_id))


def find_app(run: Run, state: InApp) -> tuple[AppItem | None, Proof]:
    """Find an app in the list of this run, and say what the list proves.

    An app whose name can't be used has the name of the state.
    Raises WrongOrganizationError if it isn't in the list and belongs to another organization.
    """
    app = run.apps.find(state.app_id)
    if app is not None:
        return app.model_copy(update={"app_name": app.app_name or state.app_name}), "listed"
    if run.apps.is_deleted(state.app_id):
        return None, "gone"
    run.require_same_organization(state.org_id)
    gone = is_gone(
        list_is_complete=run.apps.is_complete(),
        # Only now: the list was the first request, perhaps.
        reader=mark_in(run, state.app_id),
        seen_by=state.seen_by,
    )
    return None, "gone" if gone else "unknown"


def warn_of_unknown(context: Context, state: InApp) -> None:
    """Warn, once in a run, that an app isn't in the list and stays in the state all the same."""
    context.warn(
        f"App {state.app_id} ({state.app_name!r}) isn't in the list of apps, and stays in the "
        f"state as it is with its keys: {_why_unproven(context.run)}",
        once=True,
    )


def unproven_error(run: Run, error: NotFoundError, state: InApp) -> LifecycleError:
    """Return the error for a 404 that doesn't prove that an app or a key is gone."""
    return LifecycleError(
        f"{error}, and app {state.app_id} ({state.app_name!r}) isn't in the list of apps. It isn't "
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
# Create an app, even if an answer is lost. POST /service/v1/apps.
#
# After a lost answer, an app of that name may appear in the list. This run may have created it,
# or somebody else, and nothing tells which. So this module doesn't adopt it: with this resource,
# Pulumi would then delete somebody else's app and its keys.


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


# ----------------------------------------------------------------------
# Adopt an app that exists already. GET /service/v1/apps.
#
# An adopted app is never deleted at the server, and neither is one that was created because there
# was none of this name. So nothing is lost if two runs find none at the same time and each create
# one; on one machine, a lock prevents that. If an answer is lost, the one app that appears then
# is adopted, whether this run has created it or another one.

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
