"""Keys of apps, from their inputs to their revocation: `ApiKey`, and `RotatingApiKey`.

API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.

The API shows a raw key once, in the answer to the key's creation, and can neither read nor list
keys. No key may be left at the server that nobody has. So a new key is revoked again if it can't be
used, kept or delivered, and every error and warning names a key that may be left.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, NoReturn, TypeVar

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, TypeAdapter

from parallel_provider.api import AnswerError, ApiError, CreatedApiKey, NotFoundError
from parallel_provider.api.models import LATEST_TIME, Id
from parallel_provider.commands import Command, run_command
from parallel_provider.errors import HeldElsewhereError, LifecycleError, ParallelError
from parallel_provider.lifecycle.app import (
    AppState,
    SeenBy,
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
from parallel_provider.lifecycle.declare import (
    UNKNOWN,
    AppId,
    Arguments,
    Declared,
    DefaultsToResourceName,
    Duration,
    Flag,
    Inputs,
    Internal,
    JsonLike,
    OnChange,
    Problem,
    Props,
    ReplaceOnChange,
    State,
    VisibleText,
    format_duration,
    same,
    secret_outputs,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf, UnfinishedError
from parallel_provider.lifecycle.run import Context, Run, reason_of
from parallel_provider.model import Integer, plain
from parallel_provider.printable import field_name, printable
from parallel_provider.sendable import require_sendable
from parallel_provider.settings import IMPORTED_RAW_KEY
from parallel_provider.user_folder import noting_unfinished

# ----------------------------------------------------------------------
# The inputs of keys.


class KeyInputs(Inputs):
    """The inputs that every kind of key has."""

    app_id: Annotated[AppId, ReplaceOnChange()] = Field(
        description="The id of the app that the key belongs to."
    )
    api_key_name: Annotated[VisibleText, ReplaceOnChange(), DefaultsToResourceName()] = Field(
        description="The key's name in the Parallel console."
    )
    deliver_command: Annotated[Arguments, OnChange("is used for the next new key")] = Field(
        default=None,
        description="A command, as a list of its arguments. It gets each raw key once, on its "
        "standard input.",
    )
    keep_raw_api_key: Annotated[
        Flag, OnChange("to False removes the raw key from the state, once it is delivered")
    ] = Field(default=True, description="False: the state has no raw key, only its fingerprint.")

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """Refuse inputs with which nobody would have the raw key."""
        if valid.get("keep_raw_api_key") is False and "deliver_command" not in given:
            needed = field_name("deliver_command")
            yield Problem("keep_raw_api_key", f"needs a {needed}: otherwise nobody has the key")


class ApiKeyInputs(KeyInputs):
    """What a program says about a key."""

    triggers: Annotated[JsonLike, ReplaceOnChange(), OnChange("replaces the key")] = Field(
        default=None, description="Any JSON-like value."
    )


_DEFAULT_OVERLAP = Duration("1d")


class RotatingApiKeyInputs(KeyInputs):
    """What a program says about a rotating key."""

    rotate_after: Annotated[Duration, OnChange("changes `next_rotation_at`")] = Field(
        description="The first `pulumi up` after the key has this age rotates it in place: "
        '"90d", "12h", "1d12h", "P30D".'
    )
    overlap: Annotated[Duration, OnChange("changes `previous_expires_at`")] = Field(
        default=_DEFAULT_OVERLAP,
        description="How long the previous key keeps working after a rotation, at most "
        "`rotate_after`.",
    )
    triggers: Annotated[
        JsonLike, OnChange('rotates at once; with `overlap` "0s", the same run revokes the old key')
    ] = Field(default=None, description="Any JSON-like value.")

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """Refuse an overlap that is longer than `rotate_after`."""
        rotate_after, overlap = _seconds(valid, "rotate_after"), _seconds(valid, "overlap")
        if rotate_after == 0:
            yield Problem("rotate_after", "must be longer than 0 seconds")
        elif rotate_after is not None and overlap is not None and overlap > rotate_after:
            longest = valid["rotate_after"]
            reason = f"must be at most {field_name('rotate_after')} ({longest})"
            if valid["overlap"] == _DEFAULT_OVERLAP:
                reason += f', and is {_DEFAULT_OVERLAP} if it isn\'t set: set it to "{longest}"'
            yield Problem("overlap", reason)
        yield from super().problems_between(given, valid)


def _with_durations(inputs: Props) -> dict[str, Any]:
    """Return checked inputs with their durations as such; those that aren't known stay UNKNOWN."""
    durations = {
        name: Duration(inputs[name])
        for name in ("rotate_after", "overlap")
        if isinstance(inputs.get(name), str)
    }
    return {**inputs, **durations}


def _seconds(inputs: Props, name: str) -> int | None:
    """Return the seconds of a duration; None if it isn't known, or not valid."""
    duration = inputs.get(name)
    return duration.seconds if isinstance(duration, Duration) else None


# ----------------------------------------------------------------------
# The outputs of keys, as Pulumi's state keeps them.


@dataclass(frozen=True)
class HeldKey:
    """A key that a state has, and that isn't revoked yet."""

    api_key_id: str
    api_key_name: str
    raw_api_key: SecretStr | None = None

    @property
    def thing(self) -> str:
        """What claims call it."""
        return f"key:{self.api_key_id}"

    def __str__(self) -> str:
        return f"{self.api_key_name!r} ({printable(self.api_key_id)})"


class RetiredKey(Declared):
    """A key that isn't current any more, and not revoked yet."""

    api_key_id: str = Field(description="The key's id.")
    api_key_name: str = Field(description="The key's name in the Parallel console.")
    # States of Python programs call it `replaced_at`.
    retired_at: Integer = Field(
        validation_alias=AliasChoices("replaced_at", "retiredAt"),
        serialization_alias="replaced_at",
        description="When the next key was created, in epoch seconds.",
    )


NO_RAW_KEY = SecretStr("")

# Typed programs pass it on as a text. States of earlier versions have none where it isn't kept.
RawKey = Annotated[SecretStr, BeforeValidator(lambda raw: NO_RAW_KEY if raw is None else raw)]


class ApiKeyState(State):
    """The outputs of a key. `created_at` is epoch seconds, by the server's clock.

    `raw_api_key` is empty if the state doesn't keep it, which it does until the key is delivered.
    """

    api_key_id: str = Field(description="The key's id.")
    api_key_name: str = Field(description="The key's name in the Parallel console.")
    app_id: str = Field(description="The id of its app.")
    app_name: str = Field(description="The name of its app.")
    org_id: str = Field(description="The organization's id.")
    created_by_user_id: str = Field(
        description="The id of the user who created it: the user of the access token."
    )
    created_by_user_email: str = Field(description="That user's e-mail address.")
    display_value: str = Field(
        description="The shortened form that the console shows; not a secret."
    )
    created_at: Integer = Field(description="When it was created, in epoch seconds.")
    raw_api_key: RawKey = Field(
        default=NO_RAW_KEY,
        description="The key itself. An empty text if the state doesn't keep it: with "
        "`keep_raw_api_key` false, once the key is delivered, and after an import without it.",
    )
    raw_api_key_fingerprint: str = Field(
        description='"sha256:" and the key\'s hash in hexadecimal digits; not a secret.'
    )
    triggers: Any = Field(default=None, description="The value of the input `triggers`.")
    owner_id: Annotated[str | None, Internal()] = Field(
        default=None, description="Tells this resource from others of a run."
    )
    delivered: Annotated[tuple[str, ...], Internal(), Field(strict=False)] = Field(
        default=(),
        description="Fingerprints of the raw keys that deliver_command has got: of the current "
        "key, and of the previous one.",
    )
    seen_by: SeenBy = Field(
        default=(), description="Marks of the people whose list of apps has had its app."
    )
    creators: Annotated[dict[str, str], Internal()] = Field(
        default={}, description="Marks of the people who have created its keys, by the keys' ids."
    )

    @property
    def resource_id(self) -> str:
        """The key's id. A rotation doesn't change the resource's id in Pulumi's state."""
        return self.api_key_id

    @property
    def owner(self) -> str:
        """What claims call this resource."""
        return self.owner_id or self.api_key_id

    @property
    def app(self) -> AppState:
        """Its app, as far as this state tells."""
        return AppState(
            app_id=self.app_id,
            app_name=self.app_name,
            org_id=self.org_id,
            org_name="",
            seen_by=self.seen_by,
        )

    @property
    def held_keys(self) -> tuple[HeldKey, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        return (HeldKey(self.api_key_id, self.api_key_name, self.raw_api_key),)

    def hold(self, context: Context) -> None:
        """Claim its keys, and that it needs their app. Raises HeldElsewhereError."""
        claims = context.run.claims
        for key in self.held_keys:
            claims.hold(
                key.thing,
                self.owner,
                context.subject,
                shown=f"key {key}",
                fingerprint=fingerprint(key.raw_api_key),
            )
        claims.use(app_thing(self.app_id), self.owner, context.subject)

    def release(self, context: Context) -> None:
        """Take all its claims back: it is deleted."""
        claims = context.run.claims
        for thing in (*(key.thing for key in self.held_keys), app_thing(self.app_id)):
            claims.release(thing, self.owner)

    def must_deliver(self, inputs: Props) -> bool:
        """Say whether there is a command, and a raw key that no command has got yet."""
        return (
            inputs.get("deliver_command") is not None
            and bool(self.raw_api_key)
            and self.raw_api_key_fingerprint not in self.delivered
        )

    def after_delivery(self: KeyStateT, inputs: Props) -> KeyStateT:
        """Return the state after a run in which no delivery fails.

        With `keep_raw_api_key=False`, the raw keys that were delivered are gone. The others stay,
        as nobody else has them.
        """
        delivered = self.delivered
        if self.must_deliver(inputs):
            delivered += (self.raw_api_key_fingerprint,)
        changes: dict[str, Any] = {"delivered": delivered}
        if inputs.get("keep_raw_api_key") is False:
            for name in secret_outputs(type(self)):
                if fingerprint(getattr(self, name)) in delivered:
                    changes[name] = type(self).model_fields[name].default
        return self.model_copy(update=changes)


# What a rotating key without a previous key has.
_NO_PREVIOUS_KEY = {
    "previous_api_key_id": None,
    "previous_api_key_name": None,
    "previous_raw_api_key": None,
    "previous_expires_at": None,
}


class RotatingApiKeyState(ApiKeyState):
    """The outputs of a rotating key: the current key, the previous one, and the times of both.

    Times are epoch seconds, by the server's clock. `created_at` is the current key's.
    """

    generation: Integer = Field(default=1, description="The current key's number, counted from 1.")
    rotate_after: Duration = Field(description="The value of the input `rotate_after`.")
    overlap: Duration = Field(description="The value of the input `overlap`.")
    next_rotation_at: Integer = Field(
        description="From then on, a run rotates the key by its age. In epoch seconds."
    )
    previous_api_key_id: str | None = Field(
        default=None, description="The id of the previous key, until it is revoked."
    )
    previous_api_key_name: str | None = Field(default=None, description="The previous key's name.")
    previous_raw_api_key: SecretStr | None = Field(default=None, description="The previous key.")
    previous_expires_at: Integer | None = Field(
        default=None, description="From then on, a run revokes the previous key. In epoch seconds."
    )
    keys_to_revoke: Annotated[tuple[RetiredKey, ...], Field(strict=False)] = Field(
        default=(), description="Older keys that aren't revoked yet."
    )

    @property
    def retired_keys(self) -> tuple[RetiredKey, ...]:
        """All keys except the current one that aren't revoked yet, the newest first."""
        if self.previous_api_key_id is None:
            return self.keys_to_revoke
        previous = RetiredKey(
            api_key_id=self.previous_api_key_id,
            api_key_name=self.previous_api_key_name or "",
            retired_at=self.created_at,
        )
        return (previous, *self.keys_to_revoke)

    @property
    def held_keys(self) -> tuple[HeldKey, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        raw_keys = {self.previous_api_key_id: self.previous_raw_api_key}
        retired = (
            HeldKey(key.api_key_id, key.api_key_name, raw_keys.get(key.api_key_id))
            for key in self.retired_keys
        )
        return (*super().held_keys, *retired)

    def input_value(self, name: str) -> object:
        """Return the value of an input in the last run; a generation's number isn't in its name."""
        value = super().input_value(name)
        if name != "api_key_name" or not isinstance(value, str):
            return value
        return value.removesuffix(generation_name("", self.generation))

    def rotated_to(self, outputs: dict[str, Any]) -> RotatingApiKeyState:
        """Return the state with a new current key; the present one becomes the previous key.

        `outputs` are those of the new key.
        """
        held_ids = {key.api_key_id for key in self.held_keys}
        creators = {key_id: mark for key_id, mark in self.creators.items() if key_id in held_ids}
        delivered = tuple(each for each in self.delivered if each == self.raw_api_key_fingerprint)
        return self.model_copy(
            update={
                **outputs,
                "creators": {**creators, **outputs["creators"]},
                "delivered": delivered,
                "generation": self.generation + 1,
                "previous_api_key_id": self.api_key_id,
                "previous_api_key_name": self.api_key_name,
                "previous_raw_api_key": self.raw_api_key or None,
                "keys_to_revoke": self.retired_keys,
            }
        )

    def with_stray(self, outputs: dict[str, Any]) -> RotatingApiKeyState:
        """Return the state with a new key that nobody has, and that the next run revokes.

        `outputs` are those of the new key.
        """
        stray = RetiredKey(
            api_key_id=outputs["api_key_id"], api_key_name=outputs["api_key_name"], retired_at=0
        )
        return self.model_copy(
            update={
                "keys_to_revoke": (*self.keys_to_revoke, stray),
                "creators": {**self.creators, **outputs["creators"]},
            }
        )

    def after_revoking(
        self, due: Sequence[RetiredKey], failed_ids: Collection[str] = ()
    ) -> RotatingApiKeyState:
        """Return the state after a revocation of `due`. Keys that failed stay on the list."""
        due_ids = {key.api_key_id for key in due}
        left = [
            key
            for key in self.retired_keys
            if key.api_key_id not in due_ids or key.api_key_id in failed_ids
        ]
        if self.previous_api_key_id not in due_ids:
            older = [key for key in left if key.api_key_id != self.previous_api_key_id]
            return self.model_copy(update={"keys_to_revoke": tuple(older)})
        return self.model_copy(update={**_NO_PREVIOUS_KEY, "keys_to_revoke": tuple(left)})

    def with_durations(self, rotate_after: Duration, overlap: Duration) -> RotatingApiKeyState:
        """Return the state with these durations, and the times that follow from them."""
        has_previous = self.previous_api_key_id is not None
        return self.model_copy(
            update={
                "rotate_after": rotate_after,
                "overlap": overlap,
                "next_rotation_at": self.created_at + rotate_after.seconds,
                "previous_expires_at": self.created_at + overlap.seconds if has_previous else None,
            }
        )


KeyInputsT = TypeVar("KeyInputsT", bound=KeyInputs)
KeyStateT = TypeVar("KeyStateT", bound=ApiKeyState)


def fingerprint(raw: SecretStr | None) -> str:
    """Return the SHA-256 hash of a raw key: "sha256:" and hexadecimal digits; "" without one."""
    if not raw:
        return ""
    return f"sha256:{hashlib.sha256(raw.get_secret_value().encode()).hexdigest()}"


def generation_name(api_key_name: str, generation: int) -> str:
    """Return the name of a generation's key in the console: "svc", then "svc-2", "svc-3"."""
    return api_key_name if generation == 1 else f"{api_key_name}-{generation}"


# ----------------------------------------------------------------------
# When a key is rotated and when retired keys are revoked. Pure functions.
#
# The current key is rotated by age or by `triggers`. It is a retired key then, and keeps working
# for the overlap, counted from the creation of the new key. After that it is revoked. There can
# be several retired keys: a key may be rotated again within the overlap, or a revocation may
# fail.

# A clock that is set by itself is off by much less.
_BELIEVED_SECONDS = 5 * 60


@dataclass(frozen=True)
class Plan:
    """What a run has to do with the keys of one resource."""

    rotate_because: Literal["age", "triggers"] | None = None
    revoke: tuple[RetiredKey, ...] = ()


def plan_at(now: float | None, state: RotatingApiKeyState, inputs: Props) -> Plan:
    """Return what is due at `now` (epoch seconds).

    Nothing is due because of a time that is None, or because of a duration that isn't known.
    Without an overlap, retired keys are due whatever the time is.
    """
    rotate_after, overlap = _seconds(inputs, "rotate_after"), _seconds(inputs, "overlap")
    cause: Literal["age", "triggers"] | None = None
    if not same(state.triggers, inputs.get("triggers")):
        cause = "triggers"
    elif now is not None and rotate_after is not None and now >= state.created_at + rotate_after:
        cause = "age"
    if overlap == 0:
        return Plan(cause, state.retired_keys)
    if now is None or overlap is None:
        return Plan(cause)
    return Plan(cause, tuple(key for key in state.retired_keys if now >= key.retired_at + overlap))


def announcements(
    now: float, state: RotatingApiKeyState, inputs: Props, due: Plan
) -> Iterator[str]:
    """Yield what is due at `now`, and why. Pulumi shows no reason for an update in place."""
    current = state.api_key_name
    if due.rotate_because is not None:
        reason = "its triggers have changed"
        if due.rotate_because == "age":
            age, limit = format_duration(now - state.created_at), inputs["rotate_after"]
            is_new = limit.seconds != state.rotate_after.seconds
            reason = f"it is {age} old, and {field_name('rotate_after')} is {limit}"
            reason += " now" if is_new else ""
        if _seconds(inputs, "overlap") == 0:
            reason += "; with an overlap of 0s, it is revoked in the same run"
        yield f"{current!r} is due to be rotated: {reason}."
    if due.revoke:
        names = ", ".join(repr(key.api_key_name) for key in due.revoke)
        stays = "" if due.rotate_because else f"; the current key {current!r} stays"
        yield f"The overlap of {names} has passed: due to be revoked{stays}."


def certain_time(here: float, at_server: float | None) -> float | None:
    """Return the time that has come by both clocks: this machine's and the server's.

    None if the server's time isn't known. One wrong clock alone makes nothing due.
    """
    return None if at_server is None else min(here, at_server)


def believed_time(stated: int, answered_at: float | None, here: float) -> int:
    """Return when a key was created, in epoch seconds. One wrong time alone revokes nothing.

    `stated` is what the answer says, `answered_at` the answer's own date, and `here` this machine's
    time, which counts if there is no date. If the two differ much, the later one is returned.
    """
    other = here if answered_at is None else answered_at
    if abs(other - stated) <= _BELIEVED_SECONDS:
        return stated
    return max(stated, min(int(other), LATEST_TIME))


# ----------------------------------------------------------------------
# Create, deliver and revoke one key.


def create_key(
    context: Context,
    inputs: KeyInputs,
    api_key_name: str,
    state_of: Callable[[dict[str, Any]], KeyStateT],
    other_ids: Sequence[str] = (),
) -> KeyStateT:
    """Create a key, deliver it if there is a command for that, and return the new state.

    `state_of` makes the state from the outputs of the new key. `other_ids` are those of the keys
    that the resource has already. If the key can't be kept or delivered, it is revoked again, and
    LifecycleError is raised. If that fails too, a key that could only not be delivered raises
    UnfinishedError, with the new state.
    """
    run = context.run
    answer = _create_despite_lost_answer(context, inputs.app_id, api_key_name, other_ids)
    key = HeldKey(answer.api_key_id, api_key_name)
    try:
        state = state_of(_outputs_of(run, answer, inputs, api_key_name))
        require_sendable(plain(state))
        state.hold(context)
    except HeldElsewhereError:
        raise  # it was no new key
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody has this key
        text = (
            f"the key {key} of app {inputs.app_id} couldn't be kept in the state: "
            f"{reason_of(error)}"
        )
        _discard(run, inputs.app_id, key, text)
    try:
        return deliver(context, state, inputs)
    except Exception as error:  # noqa: BLE001 - likewise
        text = f"the key {key} of app {inputs.app_id} couldn't be delivered: {reason_of(error)}"
        _discard(run, inputs.app_id, key, text, state)


def deliver(context: Context, state: KeyStateT, inputs: KeyInputs) -> KeyStateT:
    """Deliver the current key if that is to be done, and return the state after it.

    The command gets the raw key on its standard input.
    """
    given = dict(inputs)
    if state.must_deliver(given):
        raw, name = state.raw_api_key.get_secret_value(), state.api_key_name
        run_command(
            Command(tuple(inputs.deliver_command), field_name("deliver_command")),
            # Without a line end: a secret store would keep it as a part of the key.
            standard_input=raw.encode(),
            show=lambda line: context.info(f"{field_name('deliver_command')} of {name!r}: {line}"),
            secrets=[raw],
            variables={
                "PARALLEL_API_KEY_ID": state.api_key_id,
                "PARALLEL_API_KEY_NAME": name,
                "PARALLEL_APP_ID": state.app_id,
            },
        )
    return state.after_delivery(given)


def revoke_keys(
    context: Context, state: ApiKeyState, keys: Sequence[HeldKey]
) -> dict[HeldKey, Exception]:
    """Revoke keys of a resource at the same time; return those that may still work, with reasons.

    However many there are, this takes no longer than one call may take, since the state with a new
    key may be waiting to be saved.
    """
    run = context.run

    def attempt(key: HeldKey) -> Exception | None:
        try:
            _revoke_key(context, state, key)
        except Exception as error:  # noqa: BLE001 - the other keys must be revoked all the same
            return error
        return None

    if len(keys) == 1:
        failures = [attempt(keys[0])]
    else:
        attempts = [run.revocation_threads.submit(attempt, key) for key in keys]
        wait(attempts, timeout=run.api.call_seconds)
        too_late = LifecycleError(f"it wasn't done within {run.api.call_seconds:g} seconds")
        for unfinished in attempts:
            unfinished.cancel()
        failures = [
            one.result() if one.done() and not one.cancelled() else too_late for one in attempts
        ]
    return {key: error for key, error in zip(keys, failures, strict=True) if error is not None}


def lost_key_advice(created: str, ids_that_stay: Sequence[str], *, up_to_two: bool = False) -> str:
    """Return a text that says how to find keys that nobody holds, and which keys must stay.

    `created` says when they were created.
    """
    them = "them" if up_to_two else "it"
    others = f" and isn't {', '.join(map(printable, ids_that_stay))}" if ids_that_stay else ""
    return (
        f"To end {them}, look in the Parallel console for what was created {created}{others}. "
        "Other stacks and people may have keys of that name: revoke only what none of them has."
    )


def _create_despite_lost_answer(
    context: Context, app_id: str, name: str, other_ids: Sequence[str]
) -> CreatedApiKey:
    """Create a key of an app. If the answer is lost, create a second one.

    A warning then tells how to find the first one, which can only be revoked by hand.
    """
    began = context.run.now()
    try:
        return _create_once(context, app_id, name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        lost = error
    # Before the attempt, because this process may end before its answer comes.
    context.info(
        f"An answer of the Account API was lost ({lost}), so a key named {name!r} that nobody "
        f"holds may exist in app {app_id}. It is created once more."
    )
    try:
        answer = _create_once(context, app_id, name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        advice = lost_key_advice(context.run.span(began), other_ids, up_to_two=lost_twice)
        raise LifecycleError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): "
            f"{'up to two keys' if lost_twice else 'a key'} named {name!r} that nobody holds may "
            f"exist in app {app_id}. {advice} Then run again"
        ) from None
    advice = lost_key_advice(context.run.span(began), [answer.api_key_id, *other_ids])
    context.warn(
        f"An answer of the Account API was lost while the key {name!r} of app {app_id} was "
        f"created, so a second key of that name may exist that nobody holds. {advice} ({lost})"
    )
    return answer


def _create_once(context: Context, app_id: str, name: str) -> CreatedApiKey:
    """Create a key of an app. If the answer can't be used, revoke the key, and raise."""
    run = context.run
    answer = None
    try:
        answer = run.api.create_key(app_id, name)
    except NotFoundError as error:
        raise LifecycleError(no_app_text(app_id, f" ({error})")) from None
    except AnswerError as error:
        if error.created_id is None:
            raise
        key, unusable = HeldKey(error.created_id, name), str(error)
    else:
        key, unusable = HeldKey(answer.api_key_id, name), ""
        if answer.app_id.lower() != app_id.lower():
            unusable = f"it says that the key belongs to app {printable(answer.app_id)}"
    if run.claims.is_known(key.thing):
        # It isn't revoked: somebody uses it.
        raise LifecycleError(
            f"the Account API answered with key {key.api_key_id} as a new one, but this run "
            "has it already, so it is left as it is: please report this"
        )
    if answer is None or unusable:
        text = (
            f"the key {key} of app {app_id} can't be used, as the Account API's answer isn't as "
            f"documented ({unusable}): please report this"
        )
        _discard(run, app_id, key, text)
    created_at = believed_time(answer.created_at, answer.answered_at, run.clock())
    if created_at != answer.created_at:
        context.warn(
            f"The Account API's answer says that the key {name!r} was created at another time than "
            f"the time of this answer: the later one counts as {field_name('created_at')}."
        )
    return answer.model_copy(update={"created_at": created_at})


def _outputs_of(
    run: Run, answer: CreatedApiKey, inputs: KeyInputs, api_key_name: str
) -> dict[str, Any]:
    """Return the outputs of a new key.

    The name and the app's id are those of the inputs. If the server wrote them in another way, the
    key would be replaced in every run.
    """
    mark = mark_in(run, inputs.app_id)
    return {
        **{name: value for name, value in answer if name in ApiKeyState.model_fields},
        "app_id": inputs.app_id,
        "api_key_name": api_key_name,
        "raw_api_key_fingerprint": fingerprint(answer.raw_api_key),
        "creators": {} if mark is None else {answer.api_key_id: mark},
    }


def _discard(
    run: Run, app_id: str, key: HeldKey, text: str, state: ApiKeyState | None = None
) -> NoReturn:
    """Revoke a new key that nobody will have, and raise `text` with what became of the key.

    If it can't be revoked, and there is a state that can keep it, raises UnfinishedError.
    """
    try:
        run.api.delete_key(app_id, key.api_key_id)
    except Exception as error:  # noqa: BLE001 - whatever it was, the user must know the key
        text = f"{text}. It couldn't be revoked again either ({reason_of(error)})"
        failure = LifecycleError(f"{text}: revoke it in the Parallel console")
        if state is None:
            raise failure from None
        raise UnfinishedError(text, failure, state) from None
    raise LifecycleError(f"{text}. It was revoked again") from None


def _revoke_key(context: Context, state: ApiKeyState, key: HeldKey) -> None:
    """Revoke a key. Succeeds if it doesn't exist any more, alone or with its app.

    It stays, with a warning, if another resource of this run has it. Raises LifecycleError if the
    server may only hide it from this person. A warning names a key that another person has created,
    and of which the server says that it doesn't exist.
    """
    with context.run.claims.deleting(key.thing, state.owner, context.subject) as others:
        if others:
            _leave_to(context, state, key, others)
        else:
            _revoke_at_server(context, state, key)


def _leave_to(context: Context, state: ApiKeyState, key: HeldKey, others: Sequence[Claim]) -> None:
    """Leave a key to other resources. Raises LifecycleError if its raw key would be lost.

    That is so if no other state has the raw key, and it isn't known to be delivered.
    """
    subjects = " and ".join(sorted({other.subject for other in others}))
    raw = fingerprint(key.raw_api_key)
    if raw and raw not in {*state.delivered, *(other.fingerprint for other in others)}:
        raise LifecycleError(
            f"the key {key} belongs to {subjects} now, whose state doesn't have the raw key, and "
            f"with this resource it would be lost: import it there again with {IMPORTED_RAW_KEY}, "
            "or take the raw key from `pulumi stack export --show-secrets`; then remove this "
            "resource with `pulumi state delete`"
        )
    context.warn(f"The key {key} isn't revoked: this run has it in {subjects}.")


def _revoke_at_server(context: Context, state: ApiKeyState, key: HeldKey) -> None:
    run = context.run
    try:
        run.api.delete_key(state.app_id, key.api_key_id)
    except NotFoundError as error:
        revoked = is_revoked(
            app=presence_of(run, state.app),
            reader=mark_in(run, state.app_id),
            creator=state.creators.get(key.api_key_id),
        )
        if revoked == "unknown":
            raise unproven_error(run, error, state.app) from None
        if revoked == "probably":
            context.warn(
                f"The Account API says that the key {key} of app {state.app_id} doesn't exist, so "
                "it counts as revoked. Another person has created it, and the server may hide it "
                "from the person of this access token: if it is still in the Parallel console, "
                "revoke it there."
            )


# ----------------------------------------------------------------------
# ApiKey: one key of an app, and what a rotating key has in common with it.


class KeyLifecycle(Lifecycle[KeyInputsT, KeyStateT]):
    """Keys can be created and revoked. The API can't read them."""

    created_marker: ClassVar[str] = "api_key_id"
    import_inputs: ClassVar[Props] = {}
    """Inputs of an imported key that its id doesn't tell. The program can change them."""

    @abstractmethod
    def first_state(self, outputs: dict[str, Any], inputs: KeyInputsT) -> KeyStateT:
        """Return the state of a first key. `outputs` are those that follow from no other input."""

    def diff(self, context: Context, state: KeyStateT, news: Props) -> Diff:
        """Compare inputs. What isn't delivered, or not to be kept any more, needs an update."""
        diff = super().diff(context, state, news)
        if diff.replaces:
            return diff
        updates, after = set(diff.updates), state.after_delivery(news)
        if after.delivered != state.delivered:
            updates.add("deliver_command")
        raw_keys = secret_outputs(self.state_type)
        if any(getattr(after, name) != getattr(state, name) for name in raw_keys):
            updates.add("keep_raw_api_key")
        return Diff(tuple(sorted(updates)), by_inputs=bool(diff.updates))

    def hold(self, context: Context, state: KeyStateT) -> None:
        """Claim its keys, and that it needs their app."""
        state.hold(context)

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. A raw key that isn't to be kept will be delivered."""
        expected = super().expect_create(context, inputs)
        is_dropped = inputs.get("keep_raw_api_key") is False
        return {**expected, "raw_api_key": NO_RAW_KEY} if is_dropped else expected

    def expect_update(self, context: Context, state: KeyStateT, inputs: Props) -> dict[str, Any]:
        """Return the outputs after an update that creates no new key."""
        expected = super().expect_update(context, state.after_delivery(inputs), inputs)
        return {**expected, "api_key_name": state.api_key_name}

    def create(self, context: Context, inputs: KeyInputsT) -> KeyStateT:
        """Create the first key, and keep the raw key."""
        run = context.run
        # A person may create keys in an app and still not see it in the list.
        app = run.apps.find(inputs.app_id)
        outputs = {
            "owner_id": new_owner(),
            "org_id": run.organization().org_id if app is None else app.org_id,
            "seen_by": () if app is None else seen_in(run, inputs.app_id),
        }

        def state_of(key_outputs: dict[str, Any]) -> KeyStateT:
            return self.first_state({**outputs, **key_outputs}, inputs)

        return create_key(context, inputs, inputs.api_key_name, state_of)

    def read(self, context: Context, state: KeyStateT) -> KeyStateT | None:
        """Find its app. The API can't read keys, so a key exists as long as its app exists.

        It stays as it is, with a warning, if this person may not be allowed to see the app.
        """
        app = read_app(context, state.app)
        if app is None:
            return None
        return state.model_copy(update={"seen_by": app.seen_by, "app_name": app.app_name})

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> KeyStateT:
        """Manage a key that something else has created. Only its app can be checked."""
        api_key_id, inputs = self._parse_import_id(resource_id)
        key = HeldKey(api_key_id, inputs.api_key_name, raw_key_of(api_key_id))
        state = self.first_state(imported_outputs(context, inputs.app_id, key), inputs)
        state.hold(context)
        return state

    def update(self, context: Context, state: KeyStateT, inputs: KeyInputsT) -> KeyStateT:
        """Deliver it if that isn't done. Remove the raw key if it isn't to be kept any more."""
        return deliver(context, state, inputs)

    def delete(self, context: Context, state: KeyStateT) -> None:
        """Revoke every key that it still has, also if one of them fails."""
        context.refuse_after_failed_creation()
        keys = state.held_keys
        failures = revoke_keys(context, state, keys)
        if failures and len(keys) == 1:
            raise failures[keys[0]]
        if failures:
            raise LifecycleError(
                f"{len(failures)} of its keys couldn't be revoked, run again to retry: "
                + "; ".join(f"{key}: {reason_of(error)}" for key, error in failures.items())
            )
        state.release(context)

    def _parse_import_id(self, text: str) -> tuple[str, KeyInputsT]:
        """Return the key's id and its inputs. Its name may have slashes. Raises LifecycleError."""
        try:
            app_id, api_key_id, name = text.split("/", 2)
            TypeAdapter(Id).validate_python(api_key_id)
            given = {"app_id": app_id, "api_key_name": name, **self.import_inputs}
            return api_key_id, self.inputs_type.model_validate(given)
        except ValueError:
            raise LifecycleError(
                # Without the text: somebody may have pasted the raw key.
                f"{self.kind} can't be read by its id alone. It is imported by "
                "APP_ID/API_KEY_ID/API_KEY_NAME, and this id hasn't this form: the Parallel "
                "console shows the key's id and its name, and `parallel-provider apps` the id of "
                "its app"
            ) from None


def warn_of_missing_raw_key(context: Context, state: ApiKeyState, news: Props) -> None:
    """Warn if the state is to have the raw key again, which it had to give up."""
    keeps = news.get("keep_raw_api_key") in (None, True)
    if keeps and not state.raw_api_key and state.raw_api_key_fingerprint in state.delivered:
        context.warn(
            f"{field_name('keep_raw_api_key')} is true again, but the raw key of "
            f"{state.api_key_name!r} ({state.api_key_id}) can't be read again: "
            f"{field_name('raw_api_key')} stays empty until there is a new key. Change `triggers` "
            f"to get one, or set {field_name('keep_raw_api_key')} to false."
        )


class ApiKeyLifecycle(KeyLifecycle[ApiKeyInputs, ApiKeyState]):
    """Keys can be created and revoked. The API can't read them."""

    kind: ClassVar[str] = "ApiKey"
    inputs_type = ApiKeyInputs
    state_type = ApiKeyState

    def first_state(self, outputs: dict[str, Any], inputs: ApiKeyInputs) -> ApiKeyState:
        """Return the state of a new key."""
        return ApiKeyState(**outputs, triggers=inputs.triggers)

    def diff(self, context: Context, state: ApiKeyState, news: Props) -> Diff:
        """Compare inputs."""
        diff = super().diff(context, state, news)
        if not diff.replaces:
            warn_of_missing_raw_key(context, state, news)
        return diff


# ----------------------------------------------------------------------
# RotatingApiKey: a key that is rotated in place.


class RotatingApiKeyLifecycle(KeyLifecycle[RotatingApiKeyInputs, RotatingApiKeyState]):
    """Rotates if the current key is old enough or `triggers` change, and at no other time."""

    kind: ClassVar[str] = "RotatingApiKey"
    # A program needs a value, and can't give one before the key is imported.
    import_inputs: ClassVar[Props] = {"rotate_after": "90d"}
    inputs_type = RotatingApiKeyInputs
    state_type = RotatingApiKeyState

    def first_state(
        self, outputs: dict[str, Any], inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Return the state of the first generation."""
        return RotatingApiKeyState(
            **outputs,
            triggers=inputs.triggers,
            rotate_after=inputs.rotate_after,
            overlap=inputs.overlap,
            next_rotation_at=outputs["created_at"] + inputs.rotate_after.seconds,
        )

    def diff(self, context: Context, state: RotatingApiKeyState, news: Props) -> Diff:
        """Compare inputs, find what is due, and tell the user what that is."""
        news = _with_durations(news)
        diff = super().diff(context, state, news)
        if diff.replaces:
            return diff
        now = context.run.clock()
        due = plan_at(now, state, news)
        for text in announcements(now, state, news, due):
            context.info(text)
        updates = set(diff.updates)
        if due.rotate_because is None:
            warn_of_missing_raw_key(context, state, news)
        if due.rotate_because == "age":
            updates.add("rotate_after")
        if due.revoke:
            updates.add("overlap")
        return replace(diff, updates=tuple(sorted(updates)))

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. There is no previous key yet."""
        first = {"generation": 1, "keys_to_revoke": (), **_NO_PREVIOUS_KEY}
        return {**super().expect_create(context, inputs), **first}

    def expect_update(
        self, context: Context, state: RotatingApiKeyState, inputs: Props
    ) -> dict[str, Any]:
        """Return the outputs after an update. Without a rotation, the current key is known."""
        inputs = _with_durations(inputs)
        due = plan_at(context.run.clock(), state, inputs)
        if due.rotate_because is not None:
            return self._expect_rotation(context, state, inputs, due)
        updated = state.after_revoking(due.revoke)
        rotate_after, overlap = inputs.get("rotate_after"), inputs.get("overlap")
        times = {"next_rotation_at": UNKNOWN, "previous_expires_at": UNKNOWN}
        if isinstance(rotate_after, Duration) and isinstance(overlap, Duration):
            updated, times = updated.with_durations(rotate_after, overlap), {}
        return {**super().expect_update(context, updated, inputs), **times}

    def update(
        self, context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
    ) -> RotatingApiKeyState:
        """Rotate if that is due, then revoke what is due. A failed revocation loses no new key."""
        due = _due_now(context, state, inputs)
        if due.rotate_because is not None:
            updated = _rotate(context, state, inputs)
        else:
            updated = deliver(context, state, inputs)
        # Without an overlap, this is also the key that was current until now.
        revoke = due.revoke if inputs.overlap.seconds else updated.retired_keys
        updated = _revoke_retired(context, updated, revoke)
        return updated.with_durations(inputs.rotate_after, inputs.overlap)

    def import_state(
        self, context: Context, resource_id: str, raw_key_of: RawKeyOf
    ) -> RotatingApiKeyState:
        """Take over a key of this id, with durations that the program can change."""
        state = super().import_state(context, resource_id, raw_key_of)
        context.info(
            f"{state.api_key_name!r} is imported with {field_name('rotate_after')} "
            f"{state.rotate_after}, counted from now, as the API doesn't tell when a key was "
            "created. Change `triggers` in a later run to rotate it sooner."
        )
        return state

    def with_first_inputs(self, state: RotatingApiKeyState, inputs: Props) -> RotatingApiKeyState:
        """Find the number of its generation in its name: another stack may have rotated it."""
        name = str(inputs.get("api_key_name"))
        number = state.api_key_name.removeprefix(f"{name}-")
        if number.isdecimal() and generation_name(name, int(number)) == state.api_key_name:
            return state.model_copy(update={"generation": int(number)})
        return state

    def _expect_rotation(
        self, context: Context, state: RotatingApiKeyState, inputs: Props, due: Plan
    ) -> dict[str, Any]:
        expected = {
            **self.expect_create(context, inputs),
            "app_name": state.app_name,
            "org_id": state.org_id,
            "api_key_name": generation_name(str(inputs.get("api_key_name")), state.generation + 1),
            "generation": state.generation + 1,
        }
        if _seconds(inputs, "overlap") == 0:
            return expected
        # Only the new key is delivered.
        previous = state.after_delivery({**inputs, "deliver_command": None})
        return expected | {
            "previous_api_key_id": previous.api_key_id,
            "previous_api_key_name": previous.api_key_name,
            "previous_raw_api_key": previous.raw_api_key or None,
            "previous_expires_at": UNKNOWN,
            "keys_to_revoke": tuple(key for key in state.retired_keys if key not in due.revoke),
        }


def _rotate(
    context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation. The current key becomes the previous one."""
    name = generation_name(inputs.api_key_name, state.generation + 1)
    # An earlier run has tried it after the key that is the current one until now was there.
    created = context.run.span(state.created_at)

    def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
        return state.rotated_to({**outputs, "triggers": inputs.triggers})

    with noting_unfinished("rotation", state.app_id, state.api_key_id, name) as was_interrupted:
        try:
            held_ids = [key.api_key_id for key in state.held_keys]
            rotated = create_key(context, inputs, name, state_of, held_ids)
        except UnfinishedError as left:
            unfinished = state.with_stray(dict(left.state))
            raise UnfinishedError(left.reason, left.error, unfinished) from None
    context.info(
        f"{state.api_key_name!r} was rotated: the current key is now {name!r} "
        f"({rotated.api_key_id})."
    )
    if was_interrupted:
        advice = lost_key_advice(created, [key.api_key_id for key in rotated.held_keys])
        context.warn(
            f"An earlier run was interrupted while it created {name!r}, so a second key of that "
            f"name may exist in app {state.app_id} that nobody holds. {advice}"
        )
    return rotated


def _revoke_retired(
    context: Context, state: RotatingApiKeyState, due: Sequence[RetiredKey]
) -> RotatingApiKeyState:
    """Revoke retired keys. Those that fail stay listed."""
    due_ids = {key.api_key_id for key in due}
    keys = [key for key in state.held_keys if key.api_key_id in due_ids]
    failures = revoke_keys(context, state, keys)
    for key, error in failures.items():
        context.warn(
            f"The key {key} couldn't be revoked, and stays on the list of "
            f"{state.api_key_name!r}; the next run tries again: {reason_of(error)}"
        )
    return state.after_revoking(due, {key.api_key_id for key in failures})


def _due_now(context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs) -> Plan:
    """Return what is due by the server's time and by this machine's clock.

    The preview has announced what is due by this machine's clock. Asks the server for its time only
    if that is more than what is due at any time.
    """
    here, news = context.run.clock(), dict(inputs)
    announced = plan_at(here, state, news)
    if announced == plan_at(None, state, news):
        return announced
    at_server = _server_time(context.run)
    due = plan_at(certain_time(here, at_server), state, news)
    if due != announced:
        reason = (
            "the Account API's answers don't tell its time"
            if at_server is None
            else "it isn't due yet by the Account API's time. Check this machine's clock"
        )
        context.warn(
            f"{state.api_key_name!r}: what was announced because of the time is left for a later "
            f"run, as {reason}."
        )
    return due


def _server_time(run: Run) -> float | None:
    """Return the server's time in epoch seconds; None if it can't be known.

    An answer with an error has the time as well.
    """
    try:
        return run.server_time()
    except ParallelError:
        return run.api.server_time()


# ----------------------------------------------------------------------
# What is known of a key that something else has created.
#
# The API can't read keys. So the id of an import has the app, the key and its name, and the raw key
# comes from the user. The key's age counts from its import.


def imported_outputs(context: Context, app_id: str, key: HeldKey) -> dict[str, Any]:
    """Return the outputs of a key that is imported. What the API doesn't tell is an empty text.

    Raises LifecycleError if its app doesn't exist.
    """
    run = context.run
    app = run.apps.require(app_id)
    what_to_check = "id, name and raw key are right"
    if key.raw_api_key is None:
        what_to_check = "id and its name are right"
        context.warn(
            f"{key} is imported without its raw key, which can't be read: "
            f"{field_name('raw_api_key')} stays empty. To have it in the state, remove the key "
            f"with `pulumi state delete`, name its id in {IMPORTED_RAW_KEY}, and import it again."
        )
    context.info(
        f"{key}: the Account API can't read keys, so only its app was checked. Make sure that its "
        f"{what_to_check}."
    )
    here, at_server = run.clock(), run.server_time()
    return {
        "api_key_id": key.api_key_id,
        "api_key_name": key.api_key_name,
        "app_id": app_id,
        "app_name": app.app_name,
        "org_id": app.org_id,
        "created_by_user_id": "",
        "created_by_user_email": "",
        "display_value": "",
        # The later one, as for a new key of which two times are known.
        "created_at": int(here if at_server is None else max(here, at_server)),
        "raw_api_key": key.raw_api_key,
        "raw_api_key_fingerprint": fingerprint(key.raw_api_key),
        "owner_id": new_owner(),
        "seen_by": seen_in(run, app.app_id),
    }
