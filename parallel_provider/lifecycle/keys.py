"""Keys of apps, from their inputs to their revocation: `ApiKey`, and `RotatingApiKey`.

API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.

The API shows a raw key once, in the answer to the key's creation, and can neither read nor list
keys. No key may be left at the server that nobody has. So a new key is revoked again if it can't be
used, kept or delivered, and every error and warning names a key that may be left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, TypeAdapter, model_validator

from parallel_provider.api.models import Id
from parallel_provider.commands import Command, run_command
from parallel_provider.errors import LifecycleError
from parallel_provider.lifecycle.app import seen_in
from parallel_provider.lifecycle.claims import new_owner
from parallel_provider.lifecycle.declare import (
    UNKNOWN,
    AppId,
    Arguments,
    Declared,
    DefaultsToResourceName,
    Duration,
    Flag,
    Inputs,
    JsonLike,
    OnChange,
    Problem,
    Props,
    ReplaceOnChange,
    VisibleText,
    format_duration,
    same,
    secret_outputs,
)
from parallel_provider.lifecycle.resource import Diff, RawKeyOf, UnfinishedError
from parallel_provider.lifecycle.run import Context, reason_of
from parallel_provider.lifecycle.shown_once import (
    Held,
    ShownOnce,
    ShownOnceLifecycle,
    ShownOnceState,
    fingerprint,
)
from parallel_provider.model import Integer
from parallel_provider.printable import field_name
from parallel_provider.settings import IMPORTED_RAW_KEY
from parallel_provider.user_folder import noting_work

# ----------------------------------------------------------------------
# The inputs of keys.


class KeyInputs(Inputs):
    """The inputs that every kind of key has."""

    app_id: Annotated[AppId, ReplaceOnChange()] = Field(
        description="The id of the app that the key belongs to: the output `app_id` of an `App`."
    )
    api_key_name: Annotated[VisibleText, ReplaceOnChange(), DefaultsToResourceName()] = Field(
        description="The key's name in the Parallel console. Each later key of a `RotatingApiKey` "
        'has a number after it: "-2", "-3".'
    )
    deliver_command: Annotated[Arguments, OnChange("is used for the next new key")] = Field(
        default=None,
        description="A command, as a list of its arguments, such as "
        '["gh", "secret", "set", "PARALLEL_API_KEY"]. It gets each raw key once, on its standard '
        "input. No shell is involved, and it has a minute. If it fails, the new key is revoked "
        "again, and the run fails.",
    )
    keep_raw_api_key: Annotated[
        Flag, OnChange("to `false` removes the raw key from the state, once it is delivered")
    ] = Field(
        default=True,
        description="Whether the state keeps the raw key, as a secret. With `false`, it has only "
        "the fingerprint once `deliver_command` has got the key.",
    )

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """Refuse inputs with which nobody would have the raw key."""
        if valid.get("keep_raw_api_key") is False and "deliver_command" not in given:
            needed = field_name("deliver_command")
            yield Problem("keep_raw_api_key", f"needs a {needed}: otherwise nobody has the key")


class ApiKeyInputs(KeyInputs):
    """What a program says about a key."""

    triggers: Annotated[JsonLike, ReplaceOnChange("replaces the key")] = Field(
        default=None, description='Any JSON-like value, such as {"quarter": "2026Q4"}.'
    )


_DEFAULT_OVERLAP = Duration("1d")


class RotatingApiKeyInputs(KeyInputs):
    """What a program says about a rotating key."""

    rotate_after: Annotated[Duration, OnChange("moves `next_rotation_at`")] = Field(
        description="The first `pulumi up` after the key has this age rotates it in place: "
        '"90d", "12h", "1d12h", "P30D". Counted from `created_at`.'
    )
    overlap: Annotated[Duration, OnChange("moves `previous_expires_at`")] = Field(
        default=_DEFAULT_OVERLAP,
        description="How long the previous key keeps working after a rotation, at most "
        '`rotate_after`. With "0s", the run that rotates revokes it, after the next key exists.',
    )
    triggers: Annotated[
        JsonLike, OnChange('rotates at once; with `overlap` "0s", the same run revokes the old key')
    ] = Field(default=None, description='Any JSON-like value, such as {"quarter": "2026Q4"}.')

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


def _seconds(inputs: Props, name: str) -> int | None:
    """Return the seconds of a duration; None if it isn't known, or not valid."""
    duration = inputs.get(name)
    return duration.seconds if isinstance(duration, Duration) else None


# ----------------------------------------------------------------------
# The outputs of keys, as Pulumi's state keeps them.


KEY = ShownOnce(
    noun="key",
    secret="raw key",  # noqa: S106 - its name
    rescue=f"import it there again with {IMPORTED_RAW_KEY}, or take the raw key from "
    "`pulumi stack export --show-secrets`",
    create_at_server=lambda api, app_id, name: api.create_key(app_id, name),
    delete_at_server=lambda api, app_id, key_id: api.delete_key(app_id, key_id),
)


class RetiredKey(Declared):
    """A key that isn't current any more, and not revoked yet."""

    api_key_id: str = Field(description="The key's id.")
    api_key_name: str = Field(description="The key's name in the Parallel console.")
    retired_at: Integer = Field(description="When the next key was created, in epoch seconds.")


NO_RAW_KEY = SecretStr("")

# Typed programs pass it on as a text. A state may have none where it isn't kept.
RawKey = Annotated[SecretStr, BeforeValidator(lambda raw: NO_RAW_KEY if raw is None else raw)]

# In the spellings of both doors.
_KEYS_TO_REVOKE = {"keys_to_revoke", "keysToRevoke"}


class ApiKeyState(ShownOnceState):
    """The outputs of a key. `created_at` is epoch seconds, by the server's clock.

    `raw_api_key` is empty if the state doesn't keep it, which it does until the key is delivered.
    """

    api_key_id: str = Field(description="The key's id.")
    api_key_name: str = Field(description="The key's name in the Parallel console.")
    display_value: str = Field(
        description="The shortened form that the console shows; not a secret."
    )
    raw_api_key: RawKey = Field(
        default=NO_RAW_KEY,
        description="The key itself. An empty text if the state doesn't keep it: with "
        "`keep_raw_api_key` false, once the key is delivered, and after an import without it.",
    )
    raw_api_key_fingerprint: str = Field(
        description='"sha256:" and the key\'s hash in hexadecimal digits; not a secret.'
    )
    triggers: Any = Field(default=None, description="The value of the input `triggers`.")

    @model_validator(mode="before")
    @classmethod
    def _refuse_other_keys(cls, outputs: Props) -> Props:
        """Refuse what an alias has made of a rotating key: its other keys would be lost."""
        if "keys_to_revoke" not in cls.model_fields and _KEYS_TO_REVOKE & outputs.keys():
            raise LifecycleError(
                "an alias can't make an ApiKey of a RotatingApiKey, whose previous keys would be "
                "lost: go on with a RotatingApiKey, or declare the ApiKey without that alias, "
                "which creates a new key and revokes all old ones"
            )
        return outputs

    @property
    def resource_id(self) -> str:
        """The key's id. A rotation doesn't change the resource's id in Pulumi's state."""
        return self.api_key_id

    @property
    def held(self) -> tuple[Held, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        return (KEY.held(self.api_key_id, self.api_key_name, self.raw_api_key),)

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
    def held(self) -> tuple[Held, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        raw_keys = {self.previous_api_key_id: self.previous_raw_api_key}
        retired = (
            KEY.held(key.api_key_id, key.api_key_name, raw_keys.get(key.api_key_id))
            for key in self.retired_keys
        )
        return (*super().held, *retired)

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
        held_ids = {key.item_id for key in self.held}
        creators = {key_id: mark for key_id, mark in self.creators.items() if key_id in held_ids}
        delivered = tuple(each for each in self.delivered if each == self.raw_api_key_fingerprint)
        return self.model_copy(
            update={
                **outputs,
                # In states of earlier versions, the owner is the id of the current key.
                "owner_id": self.owner,
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


# ----------------------------------------------------------------------
# Create and deliver one key.


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

    def named_state_of(outputs: dict[str, Any]) -> KeyStateT:
        # The name is that of the inputs, as the app's id is.
        raw = fingerprint(outputs["raw_api_key"])
        named = {"api_key_name": api_key_name, "raw_api_key_fingerprint": raw}
        return state_of({**outputs, **named})

    state = KEY.create(context, inputs.app_id, api_key_name, named_state_of, other_ids)
    try:
        return deliver(context, state, inputs)
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody has this key
        key, reason = state.held[0], f"couldn't be delivered: {reason_of(error)}"
        KEY.discard(context.run, inputs.app_id, key, reason, state)


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


# ----------------------------------------------------------------------
# ApiKey: one key of an app, and what a rotating key has in common with it.


class KeyLifecycle(ShownOnceLifecycle[KeyInputsT, KeyStateT]):
    """Keys can be created and revoked. The API can't read them."""

    what: ClassVar[ShownOnce] = KEY
    import_inputs: ClassVar[Props] = {}
    """Inputs of an imported key that its id doesn't tell. The program can change them."""

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
        state_of = self.first_state_of(context, inputs.app_id, inputs)
        return create_key(context, inputs, inputs.api_key_name, state_of)

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> KeyStateT:
        """Manage a key that something else has created. Only its app can be checked."""
        api_key_id, inputs = self._parse_import_id(resource_id)
        key = KEY.held(api_key_id, inputs.api_key_name, raw_key_of(api_key_id))
        state = self.first_state(imported_outputs(context, inputs.app_id, key), inputs)
        state.hold(context)
        return state

    def update(self, context: Context, state: KeyStateT, inputs: KeyInputsT) -> KeyStateT:
        """Deliver it if that isn't done. Remove the raw key if it isn't to be kept any more."""
        return deliver(context, state, inputs)

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

    work = f"{state.api_key_id}\n{name}"
    with noting_work("rotation", state.app_id, state.owner, work=work) as was_interrupted:
        try:
            held_ids = [key.item_id for key in state.held]
            rotated = create_key(context, inputs, name, state_of, held_ids)
        except UnfinishedError as left:
            left.state = state.with_stray(dict(left.state))
            raise
    context.info(
        f"{state.api_key_name!r} was rotated: the current key is now {name!r} "
        f"({rotated.api_key_id})."
    )
    if was_interrupted:
        advice = KEY.lost_advice(created, [key.item_id for key in rotated.held])
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
    keys = [key for key in state.held if key.item_id in due_ids]
    failures = KEY.revoke(context, state, keys)
    for key, error in failures.items():
        context.warn(
            f"The key {key} couldn't be revoked, and stays on the list of "
            f"{state.api_key_name!r}; the next run tries again: {reason_of(error)}"
        )
    return state.after_revoking(due, {key.item_id for key in failures})


def _due_now(context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs) -> Plan:
    """Return what is due by the server's time and by this machine's clock.

    The preview has announced what is due by this machine's clock. Asks the server for its time only
    if that is more than what is due at any time.
    """
    here, news = context.run.clock(), dict(inputs)
    announced = plan_at(here, state, news)
    if announced == plan_at(None, state, news):
        return announced
    at_server = context.run.server_time()
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


# ----------------------------------------------------------------------
# What is known of a key that something else has created.
#
# The API can't read keys. So the id of an import has the app, the key and its name, and the raw key
# comes from the user. The key's age counts from its import.


def imported_outputs(context: Context, app_id: str, key: Held) -> dict[str, Any]:
    """Return the outputs of a key that is imported. What the API doesn't tell is an empty text.

    Raises LifecycleError if its app doesn't exist.
    """
    run = context.run
    app = run.apps.require(app_id)
    what_to_check = "id, name and raw key are right"
    if key.secret is None:
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
        "api_key_id": key.item_id,
        "api_key_name": key.name,
        "app_id": app_id,
        "app_name": app.app_name,
        "org_id": app.org_id,
        "created_by_user_id": "",
        "created_by_user_email": "",
        "display_value": "",
        # The later one, as for a new key of which two times are known.
        "created_at": int(here if at_server is None else max(here, at_server)),
        "raw_api_key": key.secret,
        "raw_api_key_fingerprint": fingerprint(key.secret),
        "owner_id": new_owner(),
        "seen_by": seen_in(run, app.app_id),
    }
