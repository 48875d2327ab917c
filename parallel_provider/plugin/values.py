"""Translates between the protocol's structs, with names in camelCase, and JSON-like values."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import struct_pb2
from pydantic import alias_generators

from parallel_provider.calls import Door
from parallel_provider.lifecycle.declare import UNKNOWN, Unknown
from parallel_provider.sendable import SIGNATURE, UNKNOWN_MARKER, UNKNOWN_MARKERS, mapped, whole

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
    sent = mapped(properties, lambda part: UNKNOWN_MARKER if isinstance(part, Unknown) else part)
    for name in secrets:
        if sent.get(name) not in (None, UNKNOWN_MARKER):
            sent[name] = {SIGNATURE: _SECRET, "value": sent[name]}
    struct = struct_pb2.Struct()
    struct.update(sent)
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
