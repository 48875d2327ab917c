"""What `ApiKey` and `RotatingApiKey` have in common: a key of an app.

API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import Field, SecretStr

from parallel_provider.errors import HeldElsewhereError, LifecycleError
from parallel_provider.lifecycle.app_creation import app_thing
from parallel_provider.lifecycle.declarations import (
    DefaultsToResourceName,
    Inputs,
    Internal,
    OnChange,
    Problem,
    Props,
    ReplaceOnChange,
    State,
)
from parallel_provider.lifecycle.failures import reason_of
from parallel_provider.lifecycle.field_types import AppId, Arguments, Flag, VisibleText
from parallel_provider.lifecycle.one_time_secret import (
    NewSecret,
    SecretApi,
    SecretId,
    SecretPlace,
    create_secret,
    deliver_secret,
    discard_secret,
    fingerprint,
    thing_of,
)
from parallel_provider.lifecycle.presence import (
    Marks,
    SeenBy,
    find_app,
    mark_in,
    seen_in,
    warn_of_unknown,
    with_mark,
)
from parallel_provider.lifecycle.resource import UnfinishedError
from parallel_provider.lifecycle.run import Context, Run
from parallel_provider.model import Integer, plain
from parallel_provider.printable import field_name
from parallel_provider.sendable import unsendable


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
        return SecretPlace(self, self.creators, self.owner, self.delivered)

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
    run = context.run
    run.require_allowed_organization()
    app, proof = find_app(run, state)
    if app is None:
        if proof == "gone":
            return None
        warn_of_unknown(context, state)
        return state
    seen_by = with_mark(state.seen_by, mark_in(run, state.app_id))
    return state.model_copy(update={"seen_by": seen_by, "app_name": app.app_name})


def organization_of(run: Run, app_id: str) -> str:
    """Return the id of the organization that an app belongs to. Call it before a key is created."""
    app = run.apps.find(app_id)
    # A person may create keys in an app and still not see it in the list.
    return run.organization_of_token() if app is None else app.org_id


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
