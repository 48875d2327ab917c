"""Translates between the protocol's structs, with names in camelCase, and JSON-like values."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import struct_pb2
from pydantic import alias_generators

from parallel_provider.calls import Door
from parallel_provider.lifecycle.declare import UNKNOWN, Unknown
from parallel_provider.sendable import SIGNATURE, UNKNOWN_MARKER, UNKNOWN_MARKERS, whole

to_camel = functools.cache(alias_generators.to_camel)
"""Returns a name in camelCase. There are few names, and each call of the engine has several."""

DOOR = Door(to_camel, keeps_unfinished=True)

_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, not a secret


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return a struct as a dict: UNKNOWN for unknown values, and secrets as plain values.

    Whole numbers are int.
    """
    return {name: _from_value(value) for name, value in struct.fields.items()}


def secrets_in(struct: struct_pb2.Struct) -> set[str]:
    """Return the names of the properties that are secrets, or that have one in them."""
    return {name for name, value in struct.fields.items() if _has_secret(value)}


def to_struct(properties: Mapping[str, Any], secrets: Iterable[str] = ()) -> struct_pb2.Struct:
    """Return properties as a struct. Those that `secrets` names are marked as secrets."""
    struct = struct_pb2.Struct()
    hidden = set(secrets)
    for name, value in properties.items():
        if name in hidden and value is not None and not isinstance(value, Unknown):
            value = {SIGNATURE: _SECRET, "value": value}  # noqa: PLW2901 - the same value, marked
        struct.fields[name].CopyFrom(_to_value(value))
    return struct


def in_snake_case(names: Iterable[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of these names, which may be there in camelCase or in snake_case."""
    found = {}
    for name in names:
        for spelling in (to_camel(name), name):
            if spelling in properties:
                found[name] = properties[spelling]
                break
    return found


def _has_secret(value: struct_pb2.Value) -> bool:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        is_secret = fields.get(SIGNATURE, struct_pb2.Value()).string_value == _SECRET
        return is_secret or any(map(_has_secret, fields.values()))
    return kind == "list_value" and any(map(_has_secret, value.list_value.values))


def _from_value(value: struct_pb2.Value) -> Any:  # noqa: ANN401 - JSON-like
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        if fields.get(SIGNATURE, struct_pb2.Value()).string_value == _SECRET:
            return _from_value(fields["value"])
        return {name: _from_value(item) for name, item in fields.items()}
    if kind == "list_value":
        return [_from_value(item) for item in value.list_value.values]
    found = None if kind in (None, "null_value") else getattr(value, kind)
    return UNKNOWN if found in UNKNOWN_MARKERS else whole(found)


def _to_value(value: Any) -> struct_pb2.Value:  # noqa: ANN401 - JSON-like
    sent = struct_pb2.Value()
    if value is None:
        sent.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, bool):
        sent.bool_value = value
    elif isinstance(value, int | float):
        sent.number_value = value
    elif isinstance(value, Mapping):
        sent.struct_value.CopyFrom(to_struct(value))
    elif isinstance(value, list | tuple):
        sent.list_value.values.extend(map(_to_value, value))
    else:
        sent.string_value = UNKNOWN_MARKER if isinstance(value, Unknown) else value
    return sent
