"""Whether an app or a key is certainly gone. The list of apps is the only proof.

The API can't read one app and lists no keys, and the server decides which apps a person sees. So an
app that isn't in the list may exist: another person may see it. It is gone only if the same person
has seen it before. For that, states have marks of the people who have seen an app. A mark is a hash
that is of use for one app only.

A role isn't known. If an administrator who has seen an app becomes a member who doesn't, it looks
as if the app were gone.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal, Protocol

from pydantic import Field

from parallel_provider.api import AppItem, NotFoundError
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app_directory import INCOMPLETE, RUN_LATER
from parallel_provider.lifecycle.declarations import Internal
from parallel_provider.lifecycle.run import Context, Run

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
