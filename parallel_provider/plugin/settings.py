"""The settings of one provider: its arguments, or the stack's configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from typing import Any

from google.protobuf import struct_pb2

from parallel_provider.lifecycle.run import Messages
from parallel_provider.lifecycle.unknown import Unknown
from parallel_provider.plugin.values import secrets_in
from parallel_provider.setting_names import (
    NAMESPACE,
    plain_token_warning,
    unknown_key_warnings,
    unknown_variable_warnings,
)

_VARIABLE = "PULUMI_CONFIG"


def take_stack_configuration(
    environment: MutableMapping[str, str] = os.environ,
) -> dict[str, Any]:
    """Return the stack's present configuration, and remove it from the environment.

    The engine gives a plugin its part of the configuration, with decrypted secrets. No command that
    the plugin starts may inherit them.
    """
    text = environment.pop(_VARIABLE, "")
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class ProviderSettings:
    """The settings of one provider, by the keys of the stack's configuration.

    In a refresh and a destroy, the engine gives the default provider the configuration of the last
    `pulumi up`. The stack's present configuration has priority then. An explicit provider has its
    own arguments alone, and the environment comes after them.
    """

    def __init__(
        self, arguments: Mapping[str, Any], stack: Mapping[str, Any], *, is_default: bool
    ) -> None:
        self._values = {name: text for name, value in arguments.items() if (text := _text(value))}
        if is_default and stack:
            present = {key.rpartition(":")[2]: value for key, value in stack.items()}
            self._values = {name: text for name, value in present.items() if (text := _text(value))}

    def get(self, key: str) -> str | None:
        """Return the value of a key such as "parallel:orgId"."""
        return self._values.get(key.removeprefix(f"{NAMESPACE}:"))


def warn_of_settings(
    arguments: struct_pb2.Struct, stack: Mapping[str, Any], messages: Messages
) -> None:
    """Warn of names that look like a misspelt setting, and of a token in plain text."""
    keys = [f"{NAMESPACE}:{key.rpartition(':')[2]}" for key in stack]
    for warning in (
        *unknown_key_warnings(keys, project=""),
        *unknown_variable_warnings(os.environ),
    ):
        messages.warn(warning)
    if "accessToken" in arguments.fields and "accessToken" not in secrets_in(arguments):
        messages.warn(plain_token_warning())


def is_default_provider(name: str) -> bool:
    """Return whether the engine has made this provider itself: "default", "default_0_1_0"."""
    return name in {"", "default"} or name.startswith("default_")


def _text(value: object) -> str | None:
    """Return a setting as text; None if it isn't known yet."""
    if value is None or isinstance(value, Unknown):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else json.dumps(value)
