"""Hand a new key's raw value to a command, and decide how much of it the state keeps."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from parallel_provider.api import CreatedApiKey
from parallel_provider.commands import Command, run_command
from parallel_provider.errors import ParallelError
from parallel_provider.lifecycle.checks import InputCheck
from parallel_provider.lifecycle.errors import LifecycleError, reason_of
from parallel_provider.lifecycle.minting import mint_key, revoke_key
from parallel_provider.lifecycle.resource import Model
from parallel_provider.lifecycle.run import Run


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
    run: Run, app_id: str, api_key_name: str, org_id: str, inputs: DeliveryInputs
) -> CreatedApiKey:
    """Create a key and give it to the command, where there is one.

    A key that can't be delivered is revoked again, and an error raised.
    """
    key = mint_key(run, app_id, api_key_name)
    if inputs.deliver_command is None:
        return key
    try:
        _deliver(run, key, inputs.deliver_command)
    except Exception as error:  # noqa: BLE001 - whatever it was, nobody holds this key
        reason = reason_of(error)
        failure = f"the key {api_key_name!r} ({key.api_key_id}) couldn't be delivered: {reason}"
        try:
            revoke_key(run, app_id, key.api_key_id, org_id)
        except ParallelError as second:
            raise LifecycleError(
                f"{failure}. It couldn't be revoked again either ({second}): revoke it in the "
                "Parallel console"
            ) from None
        raise LifecycleError(f"{failure}. It was revoked again") from None
    return key


def kept_of(key: CreatedApiKey, inputs: DeliveryInputs) -> dict[str, Any]:
    """Return the outputs that come from the answer: the raw key only where it is to be kept.

    Not its name: a server that tidies it up must not make for a new key every run.
    """
    raw = key.raw_api_key
    digest = hashlib.sha256(raw.get_secret_value().encode()).hexdigest()
    kept = msgspec.structs.asdict(key)
    del kept["api_key_name"]
    return {
        **kept,
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
