"""Property values: on the wire, in the engine, and in the state.

In the engine a value is plain JSON. `Secret` wraps a secret value, and `UNKNOWN` stands for a value
that a preview doesn't know. On the wire (protobuf) a secret is an object with a signature, and an
unknown is a special string. In an exported state a secret is an object with a signature that holds
JSON text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from google.protobuf import struct_pb2

from pulumi_embedded.errors import EngineError, Refused

Value = Any  # None, bool, int, float, str, list, dict, Secret or UNKNOWN
Properties = dict[str, Value]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the protocol's signature
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNSUPPORTED: Final = {
    "c44067f5952c0a294b673a41bacd8c17": "assets",
    "0def7320c3a5731c473e5ecbe6d01bc7": "archives",
    "5cf8f73096256a8f31e491e813e4eb8e": "references to resources",
    "d0e6a833031e9bbcd3f4e8bde6ca49a4": "output values",
}
_LARGEST_EXACT_INTEGER: Final = 2**53


@dataclass(frozen=True)
class Secret:
    """A secret value."""

    value: Value = field(repr=False)


class _Unknown:
    """Type of `UNKNOWN`."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = _Unknown()


def from_wire(struct: struct_pb2.Struct) -> Properties:
    """Read properties from a message."""
    return {key: from_wire_value(value) for key, value in struct.fields.items()}


def from_wire_value(value: struct_pb2.Value) -> Value:
    """Read one value from a message."""
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            exact = number.is_integer() and abs(number) <= _LARGEST_EXACT_INTEGER
            return int(number) if exact else number
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
        case "list_value":
            return [from_wire_value(item) for item in value.list_value.values]
        case "struct_value":
            return _unmarked(from_wire(value.struct_value))
    return None


def _unmarked(content: Properties) -> Value:
    mark = content.get(SIGNATURE)
    if mark is None:
        return content
    if mark != _SECRET:
        raise Refused(_UNSUPPORTED.get(str(mark), "this kind of property value"))
    return content["value"] if isinstance(content["value"], Secret) else Secret(content["value"])


def to_wire(properties: Mapping[str, Value], *, secrets: bool) -> struct_pb2.Struct:
    """Write properties into a message, with or without marking secrets."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        struct.fields[key].CopyFrom(_to_wire_value(value, secrets=secrets))
    return struct


def _to_wire_value(value: Value, *, secrets: bool) -> struct_pb2.Value:
    if isinstance(value, Secret):
        value = {SIGNATURE: _SECRET, "value": value.value} if secrets else plain(value)
    wire = struct_pb2.Value()
    match value:
        case None:
            wire.null_value = struct_pb2.NULL_VALUE
        case bool():
            wire.bool_value = value
        case int() | float():
            wire.number_value = value
        case str():
            wire.string_value = value
        case _Unknown():
            wire.string_value = UNKNOWN_TEXT
        case list():
            items = [_to_wire_value(item, secrets=secrets) for item in value]
            wire.list_value.CopyFrom(struct_pb2.ListValue(values=items))
        case dict():
            wire.struct_value.CopyFrom(to_wire(value, secrets=secrets))
        case _:
            raise TypeError(f"{type(value).__name__} is no property value")
    return wire


def plain(value: Value) -> Value:
    """Return the value without any `Secret`."""
    match value:
        case Secret():
            return plain(value.value)
        case list():
            return [plain(item) for item in value]
        case dict():
            return {key: plain(item) for key, item in value.items()}
    return value


def has_secret(value: Value) -> bool:
    """Say whether anything in the value is secret."""
    match value:
        case Secret():
            return True
        case list():
            return any(map(has_secret, value))
        case dict():
            return any(map(has_secret, value.values()))
    return False


def has_unknown(value: Value) -> bool:
    """Say whether anything in the value is unknown."""
    match value:
        case _Unknown():
            return True
        case Secret():
            return has_unknown(value.value)
        case list():
            return any(map(has_unknown, value))
        case dict():
            return any(map(has_unknown, value.values()))
    return False


def marked_like(properties: Mapping[str, Value], origin: Mapping[str, Value]) -> Properties:
    """Mark values as secret if `origin` has a secret under the same name."""
    marked = dict(properties)
    for key, original in origin.items():
        if key not in marked:
            continue
        value = marked[key]
        if isinstance(value, dict) and isinstance(original, dict):
            marked[key] = marked_like(value, original)
        elif has_secret(original) and not isinstance(value, Secret):
            marked[key] = Secret(value)
    return marked


def marked_outputs(
    outputs: Properties, inputs: Mapping[str, Value], additional: Iterable[str]
) -> Properties:
    """Mark outputs as secret: those in `additional`, and those with the name of a secret input."""
    named = {key for key in additional if key != "id"}
    named |= {key for key, value in inputs.items() if isinstance(value, Secret)}
    return {
        key: Secret(value) if key in named and not isinstance(value, Secret) else value
        for key, value in outputs.items()
    }


def to_state(value: Value, *, show_secrets: bool) -> Value:
    """Convert a value to the form of an exported state."""
    match value:
        case Secret():
            text = json.dumps(to_state(value.value, show_secrets=True), separators=(",", ":"))
            shown = {"plaintext": text} if show_secrets else {"ciphertext": "[secret]"}
            return {SIGNATURE: _SECRET, **shown}
        case list():
            return [to_state(item, show_secrets=show_secrets) for item in value]
        case dict():
            return {key: to_state(item, show_secrets=show_secrets) for key, item in value.items()}
        case _Unknown():
            raise EngineError("an unknown value can't stand in a state")
    return value


def from_state(value: Value) -> Value:
    """Convert a value from the form of an exported state."""
    match value:
        case {"plaintext": text} if value.get(SIGNATURE) == _SECRET:
            return Secret(from_state(json.loads(text)))
        case {"ciphertext": _} if value.get(SIGNATURE) == _SECRET:
            raise Refused(
                "encrypted secrets in an imported state: export it with its secrets shown"
            )
        case dict() if SIGNATURE in value:
            raise Refused(_UNSUPPORTED.get(str(value[SIGNATURE]), "this kind of property value"))
        case dict():
            return {key: from_state(item) for key, item in value.items()}
        case list():
            return [from_state(item) for item in value]
    return value


def masked(value: Value) -> Value:
    """Return the value for printing, with secrets and unknowns masked."""
    match value:
        case Secret():
            return "[secret]"
        case _Unknown():
            return "[unknown]"
        case list():
            return [masked(item) for item in value]
        case dict():
            return {key: masked(item) for key, item in value.items()}
    return value
