"""The settings of one provider: the stack's present configuration, or the program's arguments.

The engine makes a provider of its own for the resources to which the program gives none: the
default provider. It gives it the stack's configuration as arguments, and in a refresh or a destroy
that of the last `pulumi up`. The present configuration counts then. An explicit provider has the
arguments that the program gives it, and of the stack's configuration its guards.

Both look alike to a plugin, also by their names, as a program may name a provider "default". But
`CheckConfig` gets what the program says now, and its answer gets into the state. So the provider
whose arguments are the stack's configuration gets a mark there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from google.protobuf import struct_pb2

from parallel_provider.lifecycle.declare import Unknown
from parallel_provider.plugin.values import from_struct, secrets_in, to_struct
from parallel_provider.settings import (
    CONFIG_KEYS,
    NAMESPACE,
    SETTINGS,
    Lookup,
    argument_warnings,
    setting_warnings,
)

_VARIABLE = "PULUMI_CONFIG"
_IS_DEFAULT = "__isDefault"
"""The argument that marks the default provider. Pulumi doesn't show it."""
_NUMBERS = {each.key for each in SETTINGS if each.kind in ("cents", "seconds")}


def take_stack_configuration(
    environment: MutableMapping[str, str] = os.environ,
) -> dict[str, Any] | None:
    """Return the stack's present configuration, and remove it from the environment.

    The engine gives a plugin its part of the configuration, with decrypted secrets. No command that
    the plugin starts may inherit them. It is None for a plugin that the engine hasn't started
    (`PULUMI_DEBUG_PROVIDERS`), and empty if the stack sets nothing.
    """
    text = environment.pop(_VARIABLE, None)
    if text is None:
        return None
    found = json.loads(text)
    return {key.rpartition(":")[2]: value for key, value in found.items()}


def checked_arguments(
    name: str, arguments: struct_pb2.Struct, stack: Mapping[str, Any] | None
) -> struct_pb2.Struct:
    """Return a provider's arguments as they get into the state.

    The default provider's have a mark. Those of an explicit provider have its secrets as secrets,
    also if the program doesn't say so, and whole numbers without a decimal point.
    """
    given = {key: value for key, value in from_struct(arguments).items() if key != _IS_DEFAULT}
    if stack is not None and _is_named_as_default(name) and _texts(given) == _texts(stack):
        return to_struct({**given, _IS_DEFAULT: True}, secrets_in(arguments))
    secrets = {each.key for each in SETTINGS if each.kind == "secret"}
    own = {key: _without_point(value) if key in _NUMBERS else value for key, value in given.items()}
    return to_struct(own, secrets_in(arguments) | secrets)


def settings_of(
    arguments: Mapping[str, Any], stack: Mapping[str, Any] | None
) -> tuple[Lookup, Lookup | None]:
    """Return where to look up a provider's settings, and where the stack's guards besides them."""
    if stack is None:
        return _lookup(arguments), None
    if _IS_DEFAULT in arguments:
        return _lookup(stack), None
    return _lookup(arguments), _lookup(stack)


def warnings_about(arguments: struct_pb2.Struct, stack: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield warnings of names that look like a misspelt setting, and of a token in plain text."""
    keys = [f"{NAMESPACE}:{key}" for key in stack or ()]
    is_default = _IS_DEFAULT in arguments.fields
    is_plain = "accessToken" in arguments.fields and "accessToken" not in secrets_in(arguments)
    yield from setting_warnings(keys, "", os.environ, has_plain_token=is_default and is_plain)
    if not is_default:
        yield from argument_warnings(arguments.fields)


def _without_point(value: object) -> object:
    """Return "700" for "700.0", as Pulumi's SDK for Java sends the whole number 700."""
    return value.removesuffix(".0") if isinstance(value, str) else value


def _is_named_as_default(name: str) -> bool:
    """Return whether the engine may have made this provider: "default", "default_0_1_0"."""
    return name == "default" or name.startswith("default_")


def warning_of_a_move(olds: struct_pb2.Struct, news: struct_pb2.Struct) -> str:
    """Return a warning if a provider is given another organization, otherwise an empty text."""
    before, now = (from_struct(each).get("orgId") for each in (olds, news))
    if not (before and now and isinstance(before, str) and isinstance(now, str)) or before == now:
        return ""
    return (
        f"orgId changes from {before!r} to {now!r}. This moves nothing: the apps and keys of this "
        f"provider stay in {before!r}, and with a token of {now!r} they can't be read or deleted. "
        "Give the resources of another organization a provider of their own"
    )


def _lookup(values: Mapping[str, Any]) -> Lookup:
    return lambda key: _texts(values).get(key.removeprefix(f"{NAMESPACE}:"))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the known settings as texts, without those that aren't known yet."""
    return {
        key: _text(values[key])
        for key in CONFIG_KEYS
        if key in values and not isinstance(values[key], Unknown)
    }


def _text(value: object) -> str:
    """Return a setting as text. One that the program gives as null is blank."""
    return value or "" if value is None or isinstance(value, str) else json.dumps(value)
