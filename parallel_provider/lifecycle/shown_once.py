"""Items of an app whose secret the API shows once, such as keys: create, claim and revoke them.

The API shows the secret in the answer to the item's creation, and can neither read nor list items.
No item may be left at the server that nobody has. So a new one is revoked again if it can't be
used, kept or delivered, and every error and warning names an item that may be left.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NoReturn, TypeVar

from pydantic import Field, SecretStr

from parallel_provider.api import AccountApi, AnswerError, ApiError, CreatedSecret, NotFoundError
from parallel_provider.api.models import LATEST_TIME
from parallel_provider.errors import HeldElsewhereError, LifecycleError, ParallelError
from parallel_provider.lifecycle.app import (
    OwnedState,
    app_thing,
    is_revoked,
    mark_in,
    no_app_text,
    presence_of,
    read_app,
    seen_in,
    unproven_error,
)
from parallel_provider.lifecycle.claims import Claim, new_owner
from parallel_provider.lifecycle.declare import InputsT, Internal
from parallel_provider.lifecycle.resource import REVOKE_BY_HAND, Lifecycle, UnfinishedError
from parallel_provider.lifecycle.run import Context, Run, reason_of
from parallel_provider.model import Integer, plain
from parallel_provider.printable import field_name, printable
from parallel_provider.sendable import require_sendable

# A clock that is set by itself is off by much less.
_BELIEVED_SECONDS = 5 * 60


@dataclass(frozen=True)
class Held:
    """An item that a state has, and that isn't revoked yet. `noun` says what it is."""

    noun: str
    item_id: str
    name: str
    secret: SecretStr | None = None

    @property
    def thing(self) -> str:
        """What claims call it."""
        return f"{self.noun}:{self.item_id}"

    def __str__(self) -> str:
        return f"{self.name!r} ({printable(self.item_id)})"


class ShownOnceState(OwnedState):
    """The outputs that each kind of item has. `created_at` is epoch seconds."""

    created_by_user_id: str = Field(
        description="The id of the user who created it: the user of the access token."
    )
    created_by_user_email: str = Field(description="That user's e-mail address.")
    created_at: Integer = Field(description="When it was created, in epoch seconds.")
    creators: Annotated[dict[str, str], Internal()] = Field(
        default={}, description="Marks of the people who have created its items, by their ids."
    )
    delivered: Annotated[tuple[str, ...], Internal(), Field(strict=False)] = Field(
        default=(), description="Fingerprints of the secrets that a command has got."
    )

    @property
    @abstractmethod
    def held(self) -> tuple[Held, ...]:
        """All its items that aren't revoked yet, the current one first."""

    def hold(self, context: Context) -> None:
        """Claim its items, and that it needs the app."""
        claims = context.run.claims
        for item in self.held:
            claims.hold(
                item.thing,
                self.owner,
                context.subject,
                shown=f"{item.noun} {item}",
                fingerprint=fingerprint(item.secret),
            )
        claims.use(app_thing(self.app_id), self.owner, context.subject)


ShownOnceT = TypeVar("ShownOnceT", bound=ShownOnceState)


@dataclass(frozen=True)
class ShownOnce:
    """A kind of items, such as keys.

    Texts call an item a `noun`, and what is shown once its `secret`. `rescue` says how to save a
    secret that only a state has. The calls of the API get the app's id, and then the item's name or
    id.
    """

    noun: str
    secret: str
    rescue: str
    create_at_server: Callable[[AccountApi, str, str], CreatedSecret]
    delete_at_server: Callable[[AccountApi, str, str], None]

    def held(self, item_id: str, name: str, secret: SecretStr | None = None) -> Held:
        """Return an item of this kind."""
        return Held(self.noun, item_id, name, secret)

    def create(
        self,
        context: Context,
        app_id: str,
        name: str,
        state_of: Callable[[dict[str, Any]], ShownOnceT],
        other_ids: Sequence[str] = (),
    ) -> ShownOnceT:
        """Create an item, claim it, and return the new state.

        `state_of` makes the state from the outputs that the answer has. `other_ids` are those of
        the items that the resource has already. If it can't be kept, it is revoked again, and
        LifecycleError is raised.
        """
        run = context.run
        answer = self._create_despite_lost_answer(context, app_id, name, other_ids)
        try:
            mark = mark_in(run, app_id)
            # If the server wrote the app's id in another way, each run would replace the resource.
            outputs = answer.model_dump(exclude={"answered_at"}) | {
                "app_id": app_id,
                "creators": {} if mark is None else {answer.created_id: mark},
            }
            state = state_of(outputs)
            require_sendable(plain(state))
            state.hold(context)
        except Exception as error:
            item = self.held(answer.created_id, name)
            if isinstance(error, HeldElsewhereError) and run.claims.others(item.thing, state.owner):
                raise  # it was no new item
            self.discard(run, app_id, item, f"couldn't be kept in the state: {reason_of(error)}")
        return state

    def discard(
        self, run: Run, app_id: str, item: Held, reason: str, state: ShownOnceState | None = None
    ) -> NoReturn:
        """Revoke a new item that nobody will have, and raise an error that says why.

        If it can't be revoked, and there is a state that can keep it, raises UnfinishedError.
        """
        text = f"the {self.noun} {item} of app {app_id} {reason}"
        try:
            self.delete_at_server(run.api, app_id, item.item_id)
        except Exception as error:  # noqa: BLE001 - whatever it was, the user must know it
            text = f"{text}. It couldn't be revoked again either ({reason_of(error)})"
            if state is None:
                raise LifecycleError(f"{text}: {REVOKE_BY_HAND}") from None
            raise UnfinishedError(text, state) from None
        raise LifecycleError(f"{text}. It was revoked again") from None

    def revoke(
        self, context: Context, state: ShownOnceState, items: Sequence[Held]
    ) -> dict[Held, Exception]:
        """Revoke items of a resource at the same time; return those that may still work, and why.

        However many there are, this takes no longer than one call may take, since the state with a
        new item may be waiting to be saved.
        """
        run = context.run

        def attempt(item: Held) -> Exception | None:
            try:
                self._revoke_one(context, state, item)
            except Exception as error:  # noqa: BLE001 - the others must be revoked all the same
                return error
            return None

        if len(items) == 1:
            failures = [attempt(items[0])]
        else:
            attempts = [run.revocation_threads.submit(attempt, item) for item in items]
            wait(attempts, timeout=run.api.call_seconds)
            too_late = LifecycleError(f"it wasn't done within {run.api.call_seconds:g} seconds")
            for unfinished in attempts:
                unfinished.cancel()
            failures = [
                one.result() if one.done() and not one.cancelled() else too_late for one in attempts
            ]
        return {item: e for item, e in zip(items, failures, strict=True) if e is not None}

    def _create_despite_lost_answer(
        self, context: Context, app_id: str, name: str, other_ids: Sequence[str]
    ) -> CreatedSecret:
        """Create an item. If the answer is lost, create a second one.

        A warning then tells how to find the first one, which can only be revoked by hand.
        """
        noun, began = self.noun, context.run.now()
        try:
            return self._create_once(context, app_id, name)
        except ApiError as error:
            if not error.may_have_worked:
                raise
            lost = error
        # Before the attempt, because this process may end before its answer comes.
        context.info(
            f"An answer of the Account API was lost ({lost}), so a {noun} named {name!r} that "
            f"nobody holds may exist in app {app_id}. It is created once more."
        )
        try:
            answer = self._create_once(context, app_id, name)
        except ParallelError as error:
            lost_twice = isinstance(error, ApiError) and error.may_have_worked
            advice = self.lost_advice(context.run.span(began), other_ids, up_to_two=lost_twice)
            raise LifecycleError(
                f"the answer was lost ({lost}), and another attempt failed ({error}): "
                f"{f'up to two {noun}s' if lost_twice else f'a {noun}'} named {name!r} that nobody "
                f"holds may exist in app {app_id}. {advice} Then run again"
            ) from None
        advice = self.lost_advice(context.run.span(began), [answer.created_id, *other_ids])
        context.warn(
            f"An answer of the Account API was lost while the {noun} {name!r} of app {app_id} was "
            f"created, so a second {noun} of that name may exist that nobody holds. {advice} "
            f"({lost})"
        )
        return answer

    def lost_advice(
        self, created: str, ids_that_stay: Sequence[str], *, up_to_two: bool = False
    ) -> str:
        """Return a text that says how to find items that nobody holds, and which ones must stay.

        `created` says when they were created.
        """
        them = "them" if up_to_two else "it"
        others = f" and isn't {', '.join(map(printable, ids_that_stay))}" if ids_that_stay else ""
        return (
            f"To end {them}, look in the Parallel console for what was created {created}{others}. "
            f"Other stacks and people may have {self.noun}s of that name: revoke only what none of "
            "them has."
        )

    def _create_once(self, context: Context, app_id: str, name: str) -> CreatedSecret:
        """Create an item. If the answer can't be used, revoke the item, and raise."""
        run = context.run
        answer = None
        try:
            answer = self.create_at_server(run.api, app_id, name)
        except NotFoundError as error:
            raise LifecycleError(no_app_text(app_id, f" ({error})")) from None
        except AnswerError as error:
            if error.created_id is None:
                raise
            item, unusable = self.held(error.created_id, name), str(error)
        else:
            item, unusable = self.held(answer.created_id, name), ""
            if answer.app_id.lower() != app_id.lower():
                unusable = f"it says that the {self.noun} belongs to app {printable(answer.app_id)}"
        if run.claims.is_known(item.thing):
            # It isn't revoked: somebody uses it.
            raise LifecycleError(
                f"the Account API answered with {self.noun} {item.item_id} as a new one, but this "
                "run has it already, so it is left as it is: please report this"
            )
        if answer is None or unusable:
            reason = (
                "can't be used, as the Account API's answer isn't as documented "
                f"({unusable}): please report this"
            )
            self.discard(run, app_id, item, reason)
        created_at = believed_time(answer.created_at, answer.answered_at, run.clock())
        if created_at != answer.created_at:
            context.warn(
                f"The Account API's answer says that the {self.noun} {name!r} was created at "
                "another time than the time of this answer: the later one counts as "
                f"{field_name('created_at')}."
            )
        return answer.model_copy(update={"created_at": created_at})

    def _revoke_one(self, context: Context, state: ShownOnceState, item: Held) -> None:
        """Revoke an item. Succeeds if it doesn't exist any more, alone or with its app.

        It stays, with a warning, if another resource of this run has it. Raises LifecycleError if
        the server may only hide it from this person. A warning names an item that another person
        has created, and of which the server says that it doesn't exist.
        """
        with context.run.claims.deleting(item.thing, state.owner, context.subject) as others:
            if others:
                self._leave_to(context, state, item, others)
            else:
                self._revoke_at_server(context, state, item)

    def _leave_to(
        self, context: Context, state: ShownOnceState, item: Held, others: Sequence[Claim]
    ) -> None:
        """Leave an item to other resources. Raises LifecycleError if its secret would be lost.

        That is so if no other state has the secret, and it isn't known to be delivered.
        """
        subjects = " and ".join(sorted({other.subject for other in others}))
        secret = fingerprint(item.secret)
        if secret and secret not in {*state.delivered, *(other.fingerprint for other in others)}:
            raise LifecycleError(
                f"the {self.noun} {item} belongs to {subjects} now, whose state doesn't have the "
                f"{self.secret}, and with this resource it would be lost: {self.rescue}; then "
                "remove this resource with `pulumi state delete`"
            )
        context.warn(f"The {self.noun} {item} isn't revoked: this run has it in {subjects}.")

    def _revoke_at_server(self, context: Context, state: ShownOnceState, item: Held) -> None:
        run = context.run
        try:
            self.delete_at_server(run.api, state.app_id, item.item_id)
        except NotFoundError as error:
            revoked = is_revoked(
                app=presence_of(run, state),
                reader=mark_in(run, state.app_id),
                creator=state.creators.get(item.item_id),
            )
            if revoked == "unknown":
                raise unproven_error(run, error, state) from None
            if revoked == "probably":
                context.warn(
                    f"The Account API says that the {self.noun} {item} of app {state.app_id} "
                    "doesn't exist, so it counts as revoked. Another person has created it, and "
                    "the server may hide it from the person of this access token: if it is still "
                    "in the Parallel console, revoke it there."
                )


class ShownOnceLifecycle(Lifecycle[InputsT, ShownOnceT]):
    """Items can be created and revoked. The API can't read them."""

    what: ClassVar[ShownOnce]

    @abstractmethod
    def first_state(self, outputs: dict[str, Any], inputs: InputsT) -> ShownOnceT:
        """Return the first item's state. `outputs` are those that follow from no other input."""

    def first_state_of(
        self, context: Context, app_id: str, inputs: InputsT
    ) -> Callable[[dict[str, Any]], ShownOnceT]:
        """Return what makes the first state from the outputs that the answer has."""
        run = context.run
        # A person may create items in an app and still not see it in the list.
        app = run.apps.find(app_id)
        outputs = {
            "owner_id": new_owner(),
            "org_id": run.organization().org_id if app is None else app.org_id,
            "seen_by": () if app is None else seen_in(run, app_id),
        }
        return lambda answered: self.first_state(outputs | answered, inputs)

    def read(self, context: Context, state: ShownOnceT) -> ShownOnceT | None:
        """Find its app. The API can't read items, so they exist as long as their app exists.

        It stays as it is, with a warning, if this person may not be allowed to see the app.
        """
        return read_app(context, state)

    def delete(self, context: Context, state: ShownOnceT) -> None:
        """Revoke every item that it still has, also if one of them fails."""
        context.refuse_after_failure()
        failures = self.what.revoke(context, state, state.held)
        if failures and len(state.held) == 1:
            raise next(iter(failures.values()))
        if failures:
            raise LifecycleError(
                f"{len(failures)} of its {self.what.noun}s couldn't be revoked, run again to "
                "retry: " + "; ".join(f"{item}: {reason_of(e)}" for item, e in failures.items())
            )
        context.run.claims.release(app_thing(state.app_id), state.owner)


def fingerprint(secret: SecretStr | None) -> str:
    """Return the SHA-256 hash of a secret: "sha256:" and hexadecimal digits; "" without one."""
    if not secret:
        return ""
    return f"sha256:{hashlib.sha256(secret.get_secret_value().encode()).hexdigest()}"


def believed_time(stated: int, answered_at: float | None, here: float) -> int:
    """Return when an item was created, in epoch seconds. One wrong time alone revokes nothing.

    `stated` is what the answer says, `answered_at` the answer's own date, and `here` this machine's
    time, which counts if there is no date. If the two differ much, the later one is returned.
    """
    other = here if answered_at is None else answered_at
    if abs(other - stated) <= _BELIEVED_SECONDS:
        return stated
    return max(stated, min(int(other), LATEST_TIME))
