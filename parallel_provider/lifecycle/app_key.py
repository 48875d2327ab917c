"""What `ApiKey` and `RotatingApiKey` have in common: a key of an app.

API: POST /service/v1/apps/{app_id}/keys, DELETE /service/v1/apps/{app_id}/keys/{api_key_id}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import Field, SecretStr

from parallel_provider.errors import LifecycleError
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
        description="A command, as a list of its arguments. It gets each new raw key on its "
        "standard input.",
    )
    keep_raw_api_key: Annotated[Flag, OnChange("to False removes the raw key from the state")] = (
        Field(default=True, description="False: the state has no raw key, only its fingerprint.")
    )

    @classmethod
    def problems_between(cls, given: Props, valid: Props) -> Iterator[Problem]:
        """Refuse inputs with which nobody would have the raw key."""
        if valid.get("keep_raw_api_key") is False and "deliver_command" not in given:
            needed = field_name("deliver_command")
            yield Problem("keep_raw_api_key", f"needs a {needed}: otherwise nobody has the key")


class KeyState(State):
    """The outputs that every kind of key has. `created_at` is epoch seconds, by the server's clock.

    `raw_api_key` is None if the state doesn't keep it.
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
    undelivered: Annotated[bool | None, Internal()] = Field(
        default=None, description="True while deliver_command hasn't got the current key."
    )
    seen_by: SeenBy = Field(
        default=(), description="Marks of the people whose list of apps has had its app."
    )
    creators: Annotated[dict[str, str], Internal()] = Field(
        default={}, description="Marks of the people who have created its keys, by the keys' ids."
    )

    @property
    def place(self) -> SecretPlace:
        """Where its keys are, for a revocation."""
        return SecretPlace(self, self.creators)

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
            "created_at": key.created_at,
        }
        return NewSecret(key.api_key_id, key.app_id, key.created_at, key.raw_api_key, outputs)

    def revoke(self, run: Run, app_id: str, secret_id: str) -> None:
        run.api.delete_key(app_id, secret_id)

    def variables(self, secret: NewSecret, name: str) -> Mapping[str, str]:
        return {
            "PARALLEL_API_KEY_ID": secret.secret_id,
            "PARALLEL_API_KEY_NAME": name,
            "PARALLEL_APP_ID": secret.app_id,
        }


APP_KEYS: SecretApi = _AppKeys()


def create_key(
    context: Context,
    inputs: KeyInputs,
    api_key_name: str,
    state_of: Callable[[dict[str, Any]], KeyStateT],
) -> KeyStateT:
    """Create a key, deliver it if there is a command for that, and return the new state.

    `state_of` makes the state from the outputs of the new key. If the key can't be kept or
    delivered, it is revoked again and LifecycleError is raised. If that fails too, a key that could
    only not be delivered raises UnfinishedError, with the new state.
    """
    run = context.run
    key = create_secret(context, APP_KEYS, inputs.app_id, api_key_name)
    doing = "kept in the state"
    try:
        state = state_of(_key_outputs(run, key, inputs, api_key_name))
        problem = unsendable(plain(state))
        if problem is not None:
            raise LifecycleError(problem)
        if inputs.deliver_command is not None:
            doing = "delivered"
            deliver_secret(context, APP_KEYS, key, api_key_name, inputs.deliver_command)
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody has this key
        failure = f"couldn't be {doing}: {reason_of(error)}"
        secret = SecretId(key.secret_id, api_key_name)
        discarded = discard_secret(run, APP_KEYS, inputs.app_id, secret, failure)
        if discarded.is_revoked or doing != "delivered":
            raise discarded.error from None
        unfinished = state.model_copy(update={"undelivered": True})
        raise UnfinishedError(discarded.text, discarded.error, unfinished) from None
    return state


def deliver_again(context: Context, state: KeyStateT, inputs: KeyInputs) -> KeyStateT:
    """Deliver a key whose first delivery failed, and which couldn't be revoked then.

    Raises LifecycleError if the state doesn't have the raw key.
    """
    if inputs.deliver_command is not None:
        if state.raw_api_key is None:
            raise LifecycleError(
                f"the key {state.api_key_name!r} ({state.api_key_id}) was never delivered, and "
                f"nobody has it, as {field_name('keep_raw_api_key')} is false: replace it with "
                "`pulumi up --replace` and this resource's URN, which revokes it"
            )
        key = NewSecret(state.api_key_id, state.app_id, state.created_at, state.raw_api_key, {})
        deliver_secret(context, APP_KEYS, key, state.api_key_name, inputs.deliver_command)
    return state.model_copy(update={"undelivered": None})


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


def updates_of_key(state: KeyState, news: Props) -> tuple[str, ...]:
    """Return the inputs that ask for an update without a difference between runs.

    The key isn't delivered yet, or the state has the raw key and must not have it any more.
    """
    asking = {
        "deliver_command": bool(state.undelivered),
        "keep_raw_api_key": state.raw_api_key is not None and news.get("keep_raw_api_key") is False,
    }
    return tuple(name for name, asks in asking.items() if asks)


def without_raw_keys(outputs: dict[str, Any], inputs: Props) -> dict[str, Any]:
    """Return expected outputs without raw keys, if the inputs say that the state has none."""
    outputs = {**outputs, "undelivered": None}
    if inputs.get("keep_raw_api_key") is not False:
        return outputs
    return {**outputs, **{name: None for name in outputs if name.endswith("raw_api_key")}}


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
        "raw_api_key": key.raw if inputs.keep_raw_api_key else None,
        "raw_api_key_fingerprint": key.fingerprint,
    }
