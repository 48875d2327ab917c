"""Hand a new key's raw value to a command, and decide how much of it the state keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from parallel_provider.api import CreatedApiKey
from parallel_provider.commands import Command, run_command
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import LifecycleError, reason_of
from parallel_provider.lifecycle.minting import discard_key, mint_key
from parallel_provider.lifecycle.resource import Model, State
from parallel_provider.lifecycle.run import Run
from parallel_provider.lifecycle.sendable import unsendable
from parallel_provider.typed import reveal

StateT = TypeVar("StateT", bound=State)


class DeliveryInputs(Model, frozen=True, kw_only=True):
    """Where a raw key goes: to a command's standard input, to the state, or to both."""

    deliver_command: tuple[str, ...] | None = None
    keep_raw_api_key: bool = True


def check_delivery(check: InputCheck) -> None:
    """Find what is wrong with the inputs of a delivery."""
    check.arguments("deliver_command")
    check.flag("keep_raw_api_key")
    inputs = check.inputs
    if inputs.get("keep_raw_api_key") is False and inputs.get("deliver_command") is None:
        check.refuse("keep_raw_api_key", "needs a deliver_command: otherwise nobody has the key")


def mint_and_deliver(
    run: Run,
    app_id: str,
    api_key_name: str,
    inputs: DeliveryInputs,
    state_of: Callable[[dict[str, Any]], StateT],
) -> StateT:
    """Create a key, give it to the command, where there is one, and return the state with it.

    `state_of` makes the state of the outputs that come from the key's answer. A key that can't be
    kept or delivered is revoked again, and an error raised.
    """
    key = mint_key(run, app_id, api_key_name)
    doing = "kept in the state"
    try:
        state = state_of(_kept_of(key, app_id, api_key_name, inputs))
        misfit = unsendable(reveal(state))
        if misfit is not None:
            raise LifecycleError(misfit)
        if inputs.deliver_command is not None:
            doing = "delivered"
            _deliver(run, key, inputs.deliver_command)
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody holds this key
        failure = f"couldn't be {doing}: {reason_of(error)}"
        raise discard_key(run, app_id, key.api_key_id, api_key_name, failure) from None
    return state


def _kept_of(
    key: CreatedApiKey, app_id: str, api_key_name: str, inputs: DeliveryInputs
) -> dict[str, Any]:
    """Return the outputs that come from the answer: the raw key only where it is to be kept.

    The name and the app's id are those that were asked for: a server that writes them in another
    way must not make for a new key every run.
    """
    raw = key.raw_api_key
    digest = hashlib.sha256(raw.get_secret_value().encode()).hexdigest()
    return {
        **dict(key),
        "app_id": app_id,
        "api_key_name": api_key_name,
        "raw_api_key": raw if inputs.keep_raw_api_key else None,
        "raw_api_key_fingerprint": f"sha256:{digest}",
    }


def _deliver(run: Run, key: CreatedApiKey, arguments: tuple[str, ...]) -> None:
    raw = key.raw_api_key.get_secret_value()
    run_command(
        Command(arguments, "deliver_command"),
        # Without a line end: a secret store would take it for a part of the key.
        standard_input=raw.encode(),
        show=lambda line: run.messages.info(f"deliver_command of {key.api_key_name!r}: {line}"),
        secrets=[raw],
        variables={
            "PARALLEL_API_KEY_ID": key.api_key_id,
            "PARALLEL_API_KEY_NAME": key.api_key_name,
            "PARALLEL_APP_ID": key.app_id,
        },
    )
