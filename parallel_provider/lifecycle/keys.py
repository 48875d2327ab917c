"""Keys of apps: ApiKey, RotatingApiKey, their one-time secret, and their rotation.

API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar

from pydantic import AliasChoices, BaseModel, Field, SecretStr, ValidationError

from parallel_provider.api import AnswerError, ApiError, NotFoundError
from parallel_provider.api.models import LATEST_TIME
from parallel_provider.commands import Command, run_command
from parallel_provider.errors import HeldElsewhereError, LifecycleError, ParallelError
from parallel_provider.lifecycle.app import (
    AppState,
    Marks,
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
    changed_inputs,
    format_duration,
    parse_duration,
)
from parallel_provider.lifecycle.resource import Diff, Lifecycle, RawKeyOf, UnfinishedError
from parallel_provider.lifecycle.run import Context, Run, reason_of
from parallel_provider.model import Integer, plain
from parallel_provider.printable import field_name, printable
from parallel_provider.sendable import unsendable
from parallel_provider.settings import IMPORTED_RAW_KEY
from parallel_provider.user_folder import noting_unfinished

# ----------------------------------------------------------------------
# A secret that the API shows once, in the answer to its creation: create, deliver, revoke.
#
# No secret may be left at the server that nobody has. So a secret is revoked again if it can't be
# used, delivered or kept, and every error and warning names a secret that may be left.

# A clock that is set by itself is off by much less.
_BELIEVED_SECONDS = 5 * 60

_NOT_USABLE = (
    "can't be used, as the Account API's answer isn't as documented ({}): please report this"
)


@dataclass(frozen=True)
class NewSecret:
    """A secret as the API gives it. `outputs` are the other fields of the answer.

    `answered_at` is the time of the answer, by its Date header. Both times are epoch seconds.
    """

    secret_id: str
    app_id: str
    created_at: int
    answered_at: float | None
    raw: SecretStr
    outputs: Mapping[str, Any]


@dataclass(frozen=True)
class SecretId:
    """A secret that is to be revoked."""

    secret_id: str
    name: str
    fingerprint: str = ""
    """That of the secret itself, if the state has it."""


@dataclass(frozen=True)
class SecretPlace:
    """The app of secrets, and marks of the people who have created them, by the secrets' ids.

    `owner` is what claims call the resource. `delivered` has the fingerprints of the secrets that
    are somewhere else too.
    """

    app: AppState
    creators: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    delivered: Sequence[str] = ()


class SecretApi(Protocol):
    """The calls of the Account API for one kind of secret. Both raise ApiError."""

    noun: str
    """What messages call such a secret, such as "key"."""

    def create(self, run: Run, app_id: str, name: str) -> NewSecret:
        """Create a secret of an app."""

    def revoke(self, run: Run, app_id: str, secret_id: str) -> None:
        """Revoke a secret of an app."""


def fingerprint(raw: SecretStr | None) -> str:
    """Return the SHA-256 hash of a secret: "sha256:" and hexadecimal digits; "" without one."""
    if raw is None:
        return ""
    return f"sha256:{hashlib.sha256(raw.get_secret_value().encode()).hexdigest()}"


def thing_of(api: SecretApi, secret_id: str) -> str:
    """Return what claims call a secret."""
    return f"{api.noun}:{secret_id}"


def create_secret(
    context: Context, api: SecretApi, app_id: str, name: str, *, stay: Sequence[str] = ()
) -> NewSecret:
    """Create a secret of an app.

    If the answer is lost, it creates a second secret. A warning then tells how to find the first
    one, which can only be revoked by hand. `stay` has the ids of the resource's other secrets. If
    the answer can't be used, it revokes the secret and raises LifecycleError.
    """
    began = context.run.now()
    try:
        return _create(context, api, app_id, name)
    except ApiError as error:
        if not error.may_have_worked:
            raise
        lost = error
    # Before the attempt, because this process may end before its answer comes.
    context.info(
        f"An answer of the Account API was lost ({lost}), so a {api.noun} named {name!r} that "
        f"nobody holds may exist in app {app_id}. It is created once more."
    )
    try:
        secret = _create(context, api, app_id, name)
    except ParallelError as error:
        lost_twice = isinstance(error, ApiError) and error.may_have_worked
        noun, them = (f"up to two {api.noun}s", "them") if lost_twice else (f"a {api.noun}", "it")
        created = context.run.span(began)
        raise LifecycleError(
            f"the answer was lost ({lost}), and another attempt failed ({error}): {noun} named "
            f"{name!r} that nobody holds may exist in app {app_id}. "
            f"{stray_text(them, created, stay)} Then run again"
        ) from None
    created = context.run.span(began)
    context.warn(
        f"An answer of the Account API was lost while the {api.noun} {name!r} of app {app_id} was "
        f"created, so a second {api.noun} of that name may exist that nobody holds. "
        f"{stray_text('it', created, [secret.secret_id, *stay])} ({lost})"
    )
    return secret


def stray_text(them: str, created: str, stay: Sequence[str]) -> str:
    """Return a text that says how to find a secret that nobody holds, and what must stay.

    `them` is "it" or "them". `created` says when it was created.
    """
    others = f" and isn't {', '.join(map(printable, stay))}" if stay else ""
    return (
        f"To end {them}, look in the Parallel console for what was created {created}"
        f"{others}. Other stacks and people may have keys of that name: revoke only "
        "what none of them has."
    )


def believed_time(stated: int, answered_at: float | None, here: float) -> int:
    """Return when a secret was created, in epoch seconds. One wrong time alone revokes nothing.

    `stated` is what the answer says, `answered_at` the answer's own date, and `here` this machine's
    time, which counts if there is no date. If the two differ much, the later one is returned.
    """
    other = here if answered_at is None else answered_at
    if abs(other - stated) <= _BELIEVED_SECONDS:
        return stated
    return max(stated, min(int(other), LATEST_TIME))


def deliver_secret(
    context: Context,
    raw: SecretStr,
    name: str,
    arguments: Sequence[str],
    variables: Mapping[str, str],
) -> None:
    """Run the delivery command with the raw secret on its standard input."""
    text = raw.get_secret_value()
    run_command(
        Command(tuple(arguments), field_name("deliver_command")),
        # Without a line end: a secret store would keep it as a part of the secret.
        standard_input=text.encode(),
        show=lambda line: context.info(f"{field_name('deliver_command')} of {name!r}: {line}"),
        secrets=[text],
        variables=variables,
    )


@dataclass(frozen=True)
class Discarded:
    """What became of a new secret that nobody will have. `text` names it and says why."""

    text: str
    is_revoked: bool

    @property
    def error(self) -> LifecycleError:
        """The error for the user."""
        if self.is_revoked:
            return LifecycleError(self.text)
        return LifecycleError(f"{self.text}: revoke it in the Parallel console")


def discard_secret(
    run: Run, api: SecretApi, app_id: str, secret: SecretId, failure: str
) -> Discarded:
    """Revoke a new secret that nobody will have, and return what became of it.

    `failure` says what is wrong with it. It is the rest of a sentence about the secret.
    """
    shown_id = printable(secret.secret_id)
    text = f"the {api.noun} {secret.name!r} ({shown_id}) of app {app_id} {failure}"
    try:
        api.revoke(run, app_id, secret.secret_id)
    except Exception as error:  # noqa: BLE001 - whatever it was, the user must know the secret
        reason = reason_of(error)
        return Discarded(f"{text}. It couldn't be revoked again either ({reason})", False)
    return Discarded(f"{text}. It was revoked again", True)


def revoke_secret(context: Context, api: SecretApi, place: SecretPlace, secret: SecretId) -> None:
    """Revoke a secret. Succeeds if it doesn't exist any more, alone or with its app.

    It stays, with a warning, if another resource of this run has it. Raises LifecycleError if the
    server may only hide it from this person. A warning names a secret that another person has
    created, and of which the server says that it doesn't exist.
    """
    claims, thing = context.run.claims, thing_of(api, secret.secret_id)
    with claims.deleting(thing, place.owner, context.subject) as others:
        if others:
            _leave_to(context, api, place, secret, others)
        else:
            _revoke_at_server(context, api, place, secret)


def _leave_to(
    context: Context,
    api: SecretApi,
    place: SecretPlace,
    secret: SecretId,
    others: Sequence[Claim],
) -> None:
    """Leave a secret to other resources. Raises LifecycleError if it would be lost with the state.

    That is so if no other state has the secret itself, and it isn't known to be delivered.
    """
    shown = f"the {api.noun} {secret.name!r} ({printable(secret.secret_id)})"
    subjects = " and ".join(sorted({other.subject for other in others}))
    known = {*place.delivered, *(other.fingerprint for other in others)}
    if secret.fingerprint and secret.fingerprint not in known:
        raise LifecycleError(
            f"{shown} belongs to {subjects} now, whose state doesn't have the raw key, and with "
            f"this resource it would be lost: import it there again with {IMPORTED_RAW_KEY}, or "
            "take the raw key from `pulumi stack export --show-secrets`; then remove this resource "
            "with `pulumi state delete`"
        )
    context.warn(f"T{shown[1:]} isn't revoked: this run has it in {subjects}.")


def _revoke_at_server(
    context: Context, api: SecretApi, place: SecretPlace, secret: SecretId
) -> None:
    run = context.run
    try:
        api.revoke(run, place.app.app_id, secret.secret_id)
    except NotFoundError as error:
        presence = presence_of(run, place.app)
        reader = mark_in(run, place.app.app_id)
        creator = place.creators.get(secret.secret_id)
        revoked = is_revoked(app=presence, reader=reader, creator=creator)
        if revoked == "unknown":
            raise unproven_error(run, error, place.app) from None
        if revoked == "probably":
            context.warn(
                f"The Account API says that the {api.noun} {secret.name!r} ({secret.secret_id}) of "
                f"app {place.app.app_id} doesn't exist, so it counts as revoked. Another person "
                "has created it, and the server may hide it from the person of this access token: "
                "if it is still in the Parallel console, revoke it there."
            )


def revoke_secrets(
    context: Context, api: SecretApi, place: SecretPlace, secrets: Sequence[SecretId]
) -> dict[str, str]:
    """Revoke secrets at the same time; return the ids of those that may still work, with reasons.

    However many there are, this takes no longer than one call may take, since the state with a new
    secret may be waiting to be saved.
    """
    run = context.run

    def attempt(secret: SecretId) -> str | None:
        try:
            revoke_secret(context, api, place, secret)
        except Exception as error:  # noqa: BLE001 - the other secrets must be revoked all the same
            return reason_of(error)
        return None

    if len(secrets) == 1:
        reasons = [attempt(secrets[0])]
    else:
        attempts = [run.revocation_threads.submit(attempt, secret) for secret in secrets]
        wait(attempts, timeout=run.api.call_seconds)
        too_late = f"it wasn't done within {run.api.call_seconds:g} seconds"
        for unfinished in attempts:
            unfinished.cancel()
        reasons = [
            one.result() if one.done() and not one.cancelled() else too_late for one in attempts
        ]
    return {
        secret.secret_id: reason
        for secret, reason in zip(secrets, reasons, strict=True)
        if reason is not None
    }


def _create(context: Context, api: SecretApi, app_id: str, name: str) -> NewSecret:
    run = context.run
    try:
        secret = api.create(run, app_id, name)
    except NotFoundError as error:
        raise LifecycleError(no_app_text(app_id, f" ({error})")) from None
    except AnswerError as error:
        if error.created_id is None:
            raise
        _require_new(run, api, error.created_id)
        made = SecretId(error.created_id, name)
        raise discard_secret(run, api, app_id, made, _NOT_USABLE.format(error)).error from None
    _require_new(run, api, secret.secret_id)
    if secret.app_id.lower() != app_id.lower():
        failure = f"it says that the key belongs to app {printable(secret.app_id)}"
        made = SecretId(secret.secret_id, name)
        raise discard_secret(run, api, app_id, made, _NOT_USABLE.format(failure)).error
    created_at = believed_time(secret.created_at, secret.answered_at, run.clock())
    if created_at != secret.created_at:
        context.warn(
            f"The Account API's answer says that the {api.noun} {name!r} was created at another "
            "time than the time of this answer: the later one counts as "
            f"{field_name('created_at')}."
        )
    return replace(secret, created_at=created_at)


def _require_new(run: Run, api: SecretApi, secret_id: str) -> None:
    """Refuse a secret that the run has already, without a revocation: somebody uses it."""
    if run.claims.is_known(thing_of(api, secret_id)):
        raise LifecycleError(
            f"the Account API answered with {api.noun} {printable(secret_id)} as a new one, but "
            "this run has it already, so it is left as it is: please report this"
        )


# ----------------------------------------------------------------------
# Decides when a key is rotated and when retired keys are revoked. Pure functions.
#
# The current key is rotated by age or by `triggers`. It is a retired key then, and keeps working
# for the overlap, counted from the creation of the new key. After that it is revoked. There can
# be several retired keys: a key may be rotated again within the overlap, or a revocation may
# fail.

Cause = Literal["age", "triggers"]


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


@dataclass(frozen=True)
class Plan:
    """What a run has to do with the keys of one resource."""

    rotate_because: Cause | None = None
    revoke: tuple[RetiredKey, ...] = ()


def plan(
    *,
    created_at: int,
    retired: Sequence[RetiredKey],
    rotate_after: int | None,
    overlap: int | None,
    triggers_changed: bool,
    now: float | None,
) -> Plan:
    """Return what is due at `now` (epoch seconds).

    `created_at` is the current key's. Durations are in seconds. None stands for a time or a
    duration that isn't known: nothing is due because of it. Without an overlap, retired keys are
    due whatever the time is.
    """
    cause: Cause | None = None
    if triggers_changed:
        cause = "triggers"
    elif now is not None and rotate_after is not None and now >= created_at + rotate_after:
        cause = "age"
    if overlap == 0:
        return Plan(cause, tuple(retired))
    if now is None or overlap is None:
        return Plan(cause)
    return Plan(cause, tuple(key for key in retired if now >= key.retired_at + overlap))


def certain_time(here: float, at_server: float | None) -> float | None:
    """Return the time that has come by both clocks: this machine's and the server's.

    None if the server's time isn't known. One wrong clock alone makes nothing due.
    """
    return None if at_server is None else min(here, at_server)


def sentences(
    plan: Plan, *, current_name: str, age: float, rotate_after: str, at_once: bool
) -> Iterator[str]:
    """Yield what is due and why. Pulumi shows no reason for an update in place.

    `age` is the current key's, in seconds. `rotate_after` is the program's value, with what else
    is to be said of it. `at_once`: the current key is revoked in the run that rotates it.
    """
    if plan.rotate_because is not None:
        limit = field_name("rotate_after")
        reason = {
            "age": f"it is {format_duration(age)} old, and {limit} is {rotate_after}",
            "triggers": "its triggers have changed",
        }[plan.rotate_because]
        ending = "; with an overlap of 0s, it is revoked in the same run" if at_once else ""
        yield f"{current_name!r} is due to be rotated: {reason}{ending}."
    if plan.revoke:
        names = ", ".join(repr(key.api_key_name) for key in plan.revoke)
        ending = "" if plan.rotate_because else f"; the current key {current_name!r} stays"
        yield f"The overlap of {names} has passed: due to be revoked{ending}."


def generation_name(api_key_name: str, generation: int) -> str:
    """Return the name of a generation's key in the console: "svc", then "svc-2", "svc-3"."""
    return api_key_name if generation == 1 else f"{api_key_name}-{generation}"


# ----------------------------------------------------------------------
# What `ApiKey` and `RotatingApiKey` have in common: a key of an app.
#
# API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.


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


class KeyState(State):
    """The outputs that every kind of key has. `created_at` is epoch seconds, by the server's clock.

    `raw_api_key` is None if the state doesn't keep it, which it does until the key is delivered.
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
    raw_api_key: SecretStr | None = Field(default=None, description="The key itself.")
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
    def owner(self) -> str:
        """What claims call this resource."""
        return self.owner_id or self.api_key_id

    @property
    def place(self) -> SecretPlace:
        """Where its keys are, and whose they are, for a revocation."""
        return SecretPlace(self.app, self.creators, self.owner, self.delivered)

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
    def held_keys(self) -> tuple[SecretId, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        return (SecretId(self.api_key_id, self.api_key_name, fingerprint(self.raw_api_key)),)

    def hold(self, context: Context) -> None:
        """Claim its keys, and that it needs their app. Raises HeldElsewhereError."""
        claims = context.run.claims
        for key in self.held_keys:
            claims.hold(
                thing_of(APP_KEYS, key.secret_id),
                self.owner,
                context.subject,
                shown=f"key {key.name!r} ({key.secret_id})",
                fingerprint=key.fingerprint,
            )
        claims.use(app_thing(self.app_id), self.owner, context.subject)

    def release(self, context: Context) -> None:
        """Take all its claims back: it is deleted."""
        claims = context.run.claims
        for key in self.held_keys:
            claims.release(thing_of(APP_KEYS, key.secret_id), self.owner)
        claims.release(app_thing(self.app_id), self.owner)

    @property
    def resource_id(self) -> str:
        """The key's id. A rotation doesn't change the resource's id in Pulumi's state."""
        return self.api_key_id


KeyStateT = TypeVar("KeyStateT", bound=KeyState)


class _AppKeys:
    """The keys of apps, as secrets that are shown once."""

    noun = "key"

    def create(self, run: Run, app_id: str, name: str) -> NewSecret:
        key = run.api.create_key(app_id, name)
        outputs = {
            "api_key_id": key.api_key_id,
            "app_name": key.app_name,
            "created_by_user_id": key.created_by_user_id,
            "created_by_user_email": key.created_by_user_email,
            "display_value": key.display_value,
        }
        return NewSecret(
            key.api_key_id, key.app_id, key.created_at, key.answered_at, key.raw_api_key, outputs
        )

    def revoke(self, run: Run, app_id: str, secret_id: str) -> None:
        run.api.delete_key(app_id, secret_id)


APP_KEYS: SecretApi = _AppKeys()


def create_key(
    context: Context,
    inputs: KeyInputs,
    api_key_name: str,
    state_of: Callable[[dict[str, Any]], KeyStateT],
    stay: Sequence[str] = (),
) -> KeyStateT:
    """Create a key, deliver it if there is a command for that, and return the new state.

    `stay` has the ids of the keys that the resource has already.
    `state_of` makes the state from the outputs of the new key. If the key can't be kept or
    delivered, it is revoked again and LifecycleError is raised. If that fails too, a key that could
    only not be delivered raises UnfinishedError, with the new state.
    """
    run = context.run
    key = create_secret(context, APP_KEYS, inputs.app_id, api_key_name, stay=stay)
    doing = "kept in the state"
    try:
        state = state_of(_key_outputs(run, key, inputs, api_key_name))
        problem = unsendable(plain(state))
        if problem is not None:
            raise LifecycleError(problem)
        state.hold(context)
        doing = "delivered"
        return deliver(context, state, inputs)
    except HeldElsewhereError:
        raise  # it was no new key
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody has this key
        failure = f"couldn't be {doing}: {reason_of(error)}"
        secret = SecretId(key.secret_id, api_key_name)
        discarded = discard_secret(run, APP_KEYS, inputs.app_id, secret, failure)
        if discarded.is_revoked or doing != "delivered":
            raise discarded.error from None
        raise UnfinishedError(discarded.text, discarded.error, state) from None


def deliver(context: Context, state: KeyStateT, inputs: KeyInputs) -> KeyStateT:
    """Deliver the current key if that is to be done, and return the state after it."""
    outputs, asked = dict(state), dict(inputs)
    if _must_deliver(outputs, asked) and state.raw_api_key and inputs.deliver_command:
        variables = {
            "PARALLEL_API_KEY_ID": state.api_key_id,
            "PARALLEL_API_KEY_NAME": state.api_key_name,
            "PARALLEL_APP_ID": state.app_id,
        }
        deliver_secret(
            context, state.raw_api_key, state.api_key_name, inputs.deliver_command, variables
        )
    return state.model_copy(update=after_delivery(outputs, asked))


def after_delivery(outputs: Props, inputs: Props) -> dict[str, Any]:
    """Return a key's outputs after a run in which no delivery fails. They may hold UNKNOWN.

    With `keep_raw_api_key=False`, the raw keys that were delivered are gone. The others stay, as
    nobody else has them.
    """
    delivered = tuple(outputs["delivered"])
    if _must_deliver(outputs, inputs):
        delivered += (outputs["raw_api_key_fingerprint"],)
    after = {**outputs, "delivered": delivered}
    if inputs.get("keep_raw_api_key") is False:
        previous = outputs.get("previous_raw_api_key")
        if outputs["raw_api_key_fingerprint"] in delivered:
            after["raw_api_key"] = None
        if previous is not None and fingerprint(previous) in delivered:
            after["previous_raw_api_key"] = None
    return after


def _must_deliver(outputs: Props, inputs: Props) -> bool:
    """Say whether there is a command, and a raw key that no command has got yet."""
    return (
        inputs.get("deliver_command") is not None
        and outputs["raw_api_key"] is not None
        and outputs["raw_api_key_fingerprint"] not in outputs["delivered"]
    )


def updates_by_delivery(state: KeyState, news: Props) -> tuple[str, ...]:
    """Return the inputs that ask for an update, as the current key must be delivered or removed."""
    before = dict(state)
    after = after_delivery(before, news)
    reasons = {
        "deliver_command": after["delivered"] != before["delivered"],
        "keep_raw_api_key": any(
            after[name] is None and before[name] is not None
            for name in before
            if name.endswith("raw_api_key")
        ),
    }
    return tuple(name for name, asks in reasons.items() if asks)


def warn_of_missing_raw_key(context: Context, state: KeyState, news: Props) -> None:
    """Warn if the state is to have the raw key again, which it had to give up."""
    keeps = news.get("keep_raw_api_key") in (None, True)
    if keeps and state.raw_api_key is None and state.raw_api_key_fingerprint in state.delivered:
        context.warn(
            f"{field_name('keep_raw_api_key')} is true again, but the raw key of "
            f"{state.api_key_name!r} ({state.api_key_id}) can't be read again: "
            f"{field_name('raw_api_key')} stays empty until there is a new key. Change `triggers` "
            f"to get one, or set {field_name('keep_raw_api_key')} to false."
        )


def read_key(context: Context, state: KeyStateT) -> KeyStateT | None:
    """Find the app of a key. The API can't read keys, so a key exists as long as its app exists.

    It stays as it is, with a warning, if this person may not be allowed to see the app.
    """
    app = read_app(context, state.app)
    if app is None:
        return None
    return state.model_copy(update={"seen_by": app.seen_by, "app_name": app.app_name})


def organization_of(run: Run, app_id: str) -> str:
    """Return the id of the organization that an app belongs to. Call it before a key is created."""
    app = run.apps.find(app_id)
    # A person may create keys in an app and still not see it in the list.
    return run.organization().org_id if app is None else app.org_id


def seen_by_now(run: Run, app_id: str) -> Marks:
    """Return the marks of an app for a new key in it: empty if it isn't in the list."""
    return () if run.apps.find(app_id) is None else seen_in(run, app_id)


def _key_outputs(run: Run, key: NewSecret, inputs: KeyInputs, api_key_name: str) -> dict[str, Any]:
    """Return the outputs of a new key.

    The name and the app's id are those of the inputs. If the server wrote them in another way, the
    key would be replaced in every run.
    """
    mark = mark_in(run, inputs.app_id)
    return {
        **key.outputs,
        "creators": {} if mark is None else {key.secret_id: mark},
        "app_id": inputs.app_id,
        "api_key_name": api_key_name,
        "created_at": key.created_at,
        "raw_api_key": key.raw,
        "raw_api_key_fingerprint": fingerprint(key.raw),
    }


# ----------------------------------------------------------------------
# Keys that something else has created: their ids for an import, and what is known of them.
#
# The API can't read keys. So the id has the app, the key and its name, and the raw key comes from
# the user. The key's age counts from its import.

FORM = "APP_ID/API_KEY_ID/API_KEY_NAME"


class ImportedKey(BaseModel):
    """What the id of an import says about a key."""

    app_id: AppId
    api_key_id: VisibleText
    api_key_name: VisibleText

    @classmethod
    def parse(cls, kind: str, text: str) -> ImportedKey:
        """Read the id of an import. A name may have slashes. Raises LifecycleError."""
        parts = text.split("/", 2)
        try:
            if len(parts) != len(cls.model_fields) or any(map(str.isspace, parts[1])):
                raise LifecycleError("")
            return cls(**dict(zip(cls.model_fields, parts, strict=True)))
        except (LifecycleError, ValidationError):
            raise LifecycleError(
                # Without the text: somebody may have pasted the raw key.
                f"{kind} can't be read by its id alone. It is imported by {FORM}, and this id "
                "hasn't this form: the Parallel console shows the key's id and its name, and "
                "`parallel-provider apps` the id of its app"
            ) from None


def imported_outputs(
    context: Context, kind: str, resource_id: str, raw_key_of: RawKeyOf
) -> dict[str, Any]:
    """Return the outputs of a key that is imported.

    Raises LifecycleError if the id hasn't the form of one, or its app doesn't exist. What the API
    doesn't tell is an empty text.
    """
    key = ImportedKey.parse(kind, resource_id)
    run = context.run
    app = run.apps.require(key.app_id)
    raw = raw_key_of(key.api_key_id)
    shown = f"{key.api_key_name!r} ({printable(key.api_key_id)})"
    if raw is None:
        context.warn(
            f"{shown} is imported without its raw key, which can't be read: "
            f"{field_name('raw_api_key')} stays empty. To have it in the state, remove the key "
            f"with `pulumi state delete`, name its id in {IMPORTED_RAW_KEY}, and import it again."
        )
    context.info(
        f"{shown}: the Account API can't read keys, so only its app was checked. Make sure that "
        "its id" + (" and its name are right." if raw is None else ", name and raw key are right.")
    )
    here, at_server = run.clock(), run.server_time()
    return {
        **key.model_dump(),
        "owner_id": new_owner(),
        "app_name": app.app_name,
        "org_id": app.org_id,
        "seen_by": seen_in(run, app.app_id),
        "created_by_user_id": "",
        "created_by_user_email": "",
        "display_value": "",
        # The later one, as for a new key of which two times are known.
        "created_at": int(here if at_server is None else max(here, at_server)),
        "raw_api_key": raw,
        "raw_api_key_fingerprint": "" if raw is None else fingerprint(raw),
    }


# ----------------------------------------------------------------------
# ApiKey: one key of an app. /service/v1/apps/{app_id}/keys and …/keys/{api_key_id}.


class ApiKeyInputs(KeyInputs):
    """What a program says about a key."""

    triggers: Annotated[JsonLike, ReplaceOnChange(), OnChange("replaces the key")] = Field(
        default=None, description="Any JSON-like value."
    )


class ApiKeyState(KeyState):
    """The outputs of a key."""


class ApiKeyLifecycle(Lifecycle[ApiKeyInputs, ApiKeyState]):
    """Keys can be created and revoked. The API can't read them."""

    kind: ClassVar[str] = "ApiKey"
    created_marker: ClassVar[str] = "api_key_id"
    inputs_type = ApiKeyInputs
    state_type = ApiKeyState

    def diff(self, context: Context, state: ApiKeyState, news: Props) -> Diff:
        """Compare inputs. What isn't delivered, or not to be kept any more, needs an update."""
        diff = super().diff(context, state, news)
        if not diff.replaces:
            warn_of_missing_raw_key(context, state, news)
        return replace(diff, updates=updates_by_delivery(state, news))

    def hold(self, context: Context, state: ApiKeyState) -> None:
        """Claim the key."""
        state.hold(context)

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create."""
        return after_delivery({**super().expect_create(context, inputs), "delivered": ()}, inputs)

    def expect_update(self, context: Context, state: ApiKeyState, inputs: Props) -> dict[str, Any]:
        """Return the outputs after an update."""
        return after_delivery(super().expect_update(context, state, inputs), inputs)

    def create(self, context: Context, inputs: ApiKeyInputs) -> ApiKeyState:
        """Create it, and keep the raw key."""
        org_id = organization_of(context.run, inputs.app_id)
        seen_by = seen_by_now(context.run, inputs.app_id)
        return create_key(
            context,
            inputs,
            inputs.api_key_name,
            lambda outputs: ApiKeyState(
                **outputs,
                org_id=org_id,
                seen_by=seen_by,
                owner_id=new_owner(),
                triggers=inputs.triggers,
            ),
        )

    def read(self, context: Context, state: ApiKeyState) -> ApiKeyState | None:
        """Find its app."""
        return read_key(context, state)

    def import_state(self, context: Context, resource_id: str, raw_key_of: RawKeyOf) -> ApiKeyState:
        """Manage a key of this id from now on. Only its app can be checked."""
        state = ApiKeyState(**imported_outputs(context, self.kind, resource_id, raw_key_of))
        state.hold(context)
        return state

    def update(self, context: Context, state: ApiKeyState, inputs: ApiKeyInputs) -> ApiKeyState:
        """Deliver it if that isn't done. Remove the raw key if it isn't to be kept any more."""
        return deliver(context, state, inputs)

    def delete(self, context: Context, state: ApiKeyState) -> None:
        """Revoke it."""
        context.refuse_after_failed_creation()
        [key] = state.held_keys
        revoke_secret(context, APP_KEYS, state.place, key)
        state.release(context)


# ----------------------------------------------------------------------
# The inputs and the state of a rotating key.

_DEFAULT_OVERLAP = "1d"


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
        rotate_after, overlap = seconds(valid.get("rotate_after")), seconds(valid.get("overlap"))
        if rotate_after == 0:
            yield Problem("rotate_after", "must be longer than 0 seconds")
        elif rotate_after is not None and overlap is not None and overlap > rotate_after:
            longest = valid["rotate_after"]
            reason = f"must be at most {field_name('rotate_after')} ({longest})"
            if valid["overlap"] == _DEFAULT_OVERLAP:
                reason += f', and is {_DEFAULT_OVERLAP} if it isn\'t set: set it to "{longest}"'
            yield Problem("overlap", reason)
        yield from super().problems_between(given, valid)


class RotatingApiKeyState(KeyState):
    """The outputs of a rotating key: the current key, the previous one, and the times of both.

    Times are epoch seconds, by the server's clock. `created_at` is the current key's.
    """

    generation: Integer = Field(default=1, description="The current key's number, counted from 1.")
    rotate_after: str = Field(description="The value of the input `rotate_after`.")
    overlap: str = Field(description="The value of the input `overlap`.")
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
    def held_keys(self) -> tuple[SecretId, ...]:
        """All its keys that aren't revoked yet, the current one first."""
        return (*super().held_keys, *map(self.secret_id, self.retired_keys))

    def secret_id(self, key: RetiredKey) -> SecretId:
        """Return one of its retired keys as a secret that can be revoked."""
        is_previous = key.api_key_id == self.previous_api_key_id
        raw = self.previous_raw_api_key if is_previous else None
        return SecretId(key.api_key_id, key.api_key_name, fingerprint(raw))

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

    def input_value(self, name: str) -> object:
        """Return the value of an input in the last run; a generation's number isn't in its name."""
        value = super().input_value(name)
        if name != "api_key_name" or not isinstance(value, str):
            return value
        return value.removesuffix(generation_name("", self.generation))

    def of_generation_in(self, api_key_name: object) -> RotatingApiKeyState:
        """Return the state with the number that its name has after `api_key_name`, if it has one.

        A key that another stack has rotated is imported with such a name.
        """
        number = self.api_key_name.removeprefix(f"{api_key_name}-")
        if not number.isdecimal() or generation_name(str(api_key_name), int(number)) != (
            self.api_key_name
        ):
            return self
        return self.model_copy(update={"generation": int(number)})

    def rotated_to(self, outputs: dict[str, Any]) -> RotatingApiKeyState:
        """Return the state with a new current key; the present one becomes the previous key.

        `outputs` are those of the new key.
        """
        retired_ids = {self.api_key_id, *(key.api_key_id for key in self.retired_keys)}
        creators = {key: mark for key, mark in self.creators.items() if key in retired_ids}
        delivered = tuple(each for each in self.delivered if each == self.raw_api_key_fingerprint)
        return self.model_copy(
            update={
                **outputs,
                "creators": {**creators, **outputs["creators"]},
                "delivered": delivered,
                "generation": self.generation + 1,
                "previous_api_key_id": self.api_key_id,
                "previous_api_key_name": self.api_key_name,
                "previous_raw_api_key": self.raw_api_key,
                "keys_to_revoke": self.retired_keys,
            }
        )

    def with_stray(
        self, api_key_id: str, api_key_name: str, creators: dict[str, str]
    ) -> RotatingApiKeyState:
        """Return the state with a key that nobody has, and that the next run revokes."""
        stray = RetiredKey(api_key_id=api_key_id, api_key_name=api_key_name, retired_at=0)
        return self.model_copy(
            update={
                "keys_to_revoke": (*self.keys_to_revoke, stray),
                "creators": {**self.creators, **creators},
            }
        )

    def expect_rotation(self, name: str, *, overlaps: bool) -> dict[str, Any]:
        """Return the outputs after a rotation: UNKNOWN if only the server can decide them."""
        new = {**dict.fromkeys(KeyState.model_fields, UNKNOWN), "creators": {}}
        kept = {
            field: getattr(self, field) for field in ("app_id", "app_name", "org_id", "seen_by")
        }
        expected = dict(self.rotated_to({**new, **kept, "api_key_name": name}))
        unknown = ("next_rotation_at", "previous_expires_at", "creators")
        expected |= dict.fromkeys(unknown, UNKNOWN)
        if not overlaps:
            expected |= {name: None for name in expected if name.startswith("previous_")}
        return expected

    def without(
        self, revoked: Sequence[RetiredKey], failed: Sequence[RetiredKey]
    ) -> RotatingApiKeyState:
        """Return the state without revoked keys. Keys that failed are in `keys_to_revoke`."""
        left = [key for key in self.retired_keys if key not in revoked]
        state = self
        if any(key.api_key_id == self.previous_api_key_id for key in (*revoked, *failed)):
            state = state.model_copy(
                update={
                    "previous_api_key_id": None,
                    "previous_api_key_name": None,
                    "previous_raw_api_key": None,
                }
            )
        older = tuple(key for key in left if key.api_key_id != state.previous_api_key_id)
        return state.model_copy(update={"keys_to_revoke": older})

    def with_durations(self, rotate_after: str, overlap: str) -> RotatingApiKeyState:
        """Return the state with these durations, and the times that follow from them."""
        previous_expires_at = (
            None if self.previous_api_key_id is None else self.created_at + parse_duration(overlap)
        )
        return self.model_copy(
            update={
                "rotate_after": rotate_after,
                "overlap": overlap,
                "next_rotation_at": self.created_at + parse_duration(rotate_after),
                "previous_expires_at": previous_expires_at,
            }
        )


def seconds(duration: object) -> int | None:
    """Return the seconds of a valid duration; None if it isn't valid."""
    return parse_duration(duration) if isinstance(duration, str) else None


# A program needs a value, and can't give one before the key is imported.
_IMPORTED_ROTATE_AFTER = "90d"


class RotatingApiKeyLifecycle(Lifecycle[RotatingApiKeyInputs, RotatingApiKeyState]):
    """Rotates if the current key is old enough or `triggers` change, and at no other time."""

    kind: ClassVar[str] = "RotatingApiKey"
    created_marker: ClassVar[str] = "api_key_id"
    inputs_type = RotatingApiKeyInputs
    state_type = RotatingApiKeyState

    def diff(self, context: Context, state: RotatingApiKeyState, news: Props) -> Diff:
        """Compare inputs, find what is due, and tell the user what that is."""
        diff = super().diff(context, state, news)
        changed = changed_inputs(self.inputs_type, state, news)
        if diff.replaces:
            return replace(diff, updates=tuple(sorted(changed)))
        now = context.run.clock()
        due = _plan_at(now, state, news)
        for sentence in sentences(
            due,
            current_name=state.api_key_name,
            age=now - state.created_at,
            rotate_after=f"{news.get('rotate_after')}{' now' if 'rotate_after' in changed else ''}",
            at_once=seconds(news.get("overlap")) == 0,
        ):
            context.info(sentence)
        if due.rotate_because is None:
            warn_of_missing_raw_key(context, state, news)
        asking = {*changed, *updates_by_delivery(state, news)}
        if due.rotate_because == "age":
            asking.add("rotate_after")
        if due.revoke:
            asking.add("overlap")
        return Diff(updates=tuple(sorted(asking)), by_inputs=bool(changed))

    def hold(self, context: Context, state: RotatingApiKeyState) -> None:
        """Claim all its keys."""
        state.hold(context)

    def expect_create(self, context: Context, inputs: Props) -> dict[str, Any]:
        """Return the outputs after a create. There is no previous key yet."""
        expected = super().expect_create(context, inputs)
        expected |= {name: None for name in expected if name.startswith("previous_")}
        expected |= {"delivered": (), "generation": 1, "keys_to_revoke": []}
        return after_delivery(expected, inputs)

    def expect_update(
        self, context: Context, state: RotatingApiKeyState, inputs: Props
    ) -> dict[str, Any]:
        """Return the outputs after an update. Without a rotation, the current key is known."""
        due = _plan_at(context.run.clock(), state, inputs)
        overlap, rotate_after = inputs.get("overlap"), inputs.get("rotate_after")
        if due.rotate_because is not None:
            name = generation_name(str(inputs.get("api_key_name")), state.generation + 1)
            expected = state.expect_rotation(name, overlaps=seconds(overlap) != 0)
        else:
            updated = state.without(due.revoke, ())
            expected = dict(updated)
            if isinstance(rotate_after, str) and isinstance(overlap, str):
                expected = dict(updated.with_durations(rotate_after, overlap))
            else:
                expected |= {"next_rotation_at": UNKNOWN, "previous_expires_at": UNKNOWN}
        declared = {"rotate_after": rotate_after, "overlap": overlap}
        return after_delivery({**expected, **declared, "triggers": inputs.get("triggers")}, inputs)

    def create(self, context: Context, inputs: RotatingApiKeyInputs) -> RotatingApiKeyState:
        """Create the first generation."""
        org_id = organization_of(context.run, inputs.app_id)
        seen_by = seen_by_now(context.run, inputs.app_id)

        def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
            return RotatingApiKeyState(
                **outputs,
                org_id=org_id,
                seen_by=seen_by,
                owner_id=new_owner(),
                triggers=inputs.triggers,
                rotate_after=inputs.rotate_after,
                overlap=inputs.overlap,
                next_rotation_at=outputs["created_at"] + parse_duration(inputs.rotate_after),
            )

        return create_key(context, inputs, inputs.api_key_name, state_of)

    def read(self, context: Context, state: RotatingApiKeyState) -> RotatingApiKeyState | None:
        """Find its app."""
        return read_key(context, state)

    def import_state(
        self, context: Context, resource_id: str, raw_key_of: RawKeyOf
    ) -> RotatingApiKeyState:
        """Take over a key of this id, with durations that the program can change.

        Only its app can be checked. Its age counts from now.
        """
        outputs = imported_outputs(context, self.kind, resource_id, raw_key_of)
        context.info(
            f"{outputs['api_key_name']!r} is imported with {field_name('rotate_after')} "
            f"{_IMPORTED_ROTATE_AFTER}, counted from now, as the API doesn't tell when a key was "
            "created. Change `triggers` in a later run to rotate it sooner."
        )
        state = RotatingApiKeyState(
            **outputs, rotate_after=_IMPORTED_ROTATE_AFTER, overlap="1d", next_rotation_at=0
        )
        state.hold(context)
        return state.with_durations(state.rotate_after, state.overlap)

    def with_first_inputs(self, state: RotatingApiKeyState, inputs: Props) -> RotatingApiKeyState:
        """Find the number of its generation, which the program's name tells."""
        return state.of_generation_in(inputs.get("api_key_name"))

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
        at_once = parse_duration(inputs.overlap) == 0
        updated = _revoke(context, updated, updated.retired_keys if at_once else due.revoke)
        return updated.with_durations(inputs.rotate_after, inputs.overlap)

    def delete(self, context: Context, state: RotatingApiKeyState) -> None:
        """Revoke every key that it still has, also if one of them fails."""
        context.refuse_after_failed_creation()
        keys = state.held_keys
        failed = revoke_secrets(context, APP_KEYS, state.place, keys)
        failures = [
            f"{key.name!r} ({key.secret_id}): {failed[key.secret_id]}"
            for key in keys
            if key.secret_id in failed
        ]
        if failures:
            raise LifecycleError(
                f"{len(failures)} of its keys couldn't be revoked, run again to retry: "
                + "; ".join(failures)
            )
        state.release(context)


def _rotate(
    context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs
) -> RotatingApiKeyState:
    """Create the next generation. The current key becomes the previous one."""
    name = generation_name(inputs.api_key_name, state.generation + 1)
    # An earlier run has tried it after the key that is the current one until now was there.
    created = context.run.span(state.created_at)

    def state_of(outputs: dict[str, Any]) -> RotatingApiKeyState:
        rotated = state.rotated_to({**outputs, "triggers": inputs.triggers})
        return rotated.with_durations(inputs.rotate_after, inputs.overlap)

    with noting_unfinished("rotation", state.app_id, state.api_key_id, name) as was_interrupted:
        try:
            stay = [key.secret_id for key in state.held_keys]
            rotated = create_key(context, inputs, name, state_of, stay)
        except UnfinishedError as left:
            stray = dict(left.state)
            unfinished = state.with_stray(stray["api_key_id"], name, stray["creators"])
            raise UnfinishedError(left.reason, left.error, unfinished) from None
    context.info(
        f"{state.api_key_name!r} was rotated: the current key is now {name!r} "
        f"({rotated.api_key_id})."
    )
    if was_interrupted:
        context.warn(
            f"An earlier run was interrupted while it created {name!r}, so a second key of that "
            f"name may exist in app {state.app_id} that nobody holds. "
            + stray_text("it", created, [key.secret_id for key in rotated.held_keys])
        )
    return rotated


def _plan_at(now: float | None, state: RotatingApiKeyState, inputs: Props) -> Plan:
    """Return what is due at `now` (epoch seconds) by these inputs, which may hold UNKNOWN."""
    return plan(
        created_at=state.created_at,
        retired=state.retired_keys,
        rotate_after=seconds(inputs.get("rotate_after")),
        overlap=seconds(inputs.get("overlap")),
        triggers_changed="triggers" in changed_inputs(RotatingApiKeyInputs, state, inputs),
        now=now,
    )


def _due_now(context: Context, state: RotatingApiKeyState, inputs: RotatingApiKeyInputs) -> Plan:
    """Return what is due by the server's time and by this machine's clock.

    The preview has announced what is due by this machine's clock. Asks the server for its time only
    if that is more than what is due at any time.
    """
    here, news = context.run.clock(), dict(inputs)
    announced = _plan_at(here, state, news)
    if announced == _plan_at(None, state, news):
        return announced
    at_server = _server_time(context.run)
    due = _plan_at(certain_time(here, at_server), state, news)
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


def _revoke(
    context: Context, state: RotatingApiKeyState, due: Sequence[RetiredKey]
) -> RotatingApiKeyState:
    """Revoke retired keys. Those that fail stay listed."""
    failures = revoke_secrets(context, APP_KEYS, state.place, list(map(state.secret_id, due)))
    failed = [key for key in due if key.api_key_id in failures]
    for key in failed:
        context.warn(
            f"The key {key.api_key_name!r} ({key.api_key_id}) couldn't be revoked, and stays "
            f"on the list of {state.api_key_name!r}; the next run tries again: "
            f"{failures[key.api_key_id]}"
        )
    return state.without([key for key in due if key not in failed], failed)
