"""Outputs as property values: unlike others, they say which resources they depend on."""

from __future__ import annotations

from typing import Final

from google.protobuf import struct_pb2

from pulumi_embedded import values
from pulumi_embedded.values import UNKNOWN, Secret, Value

OUTPUT: Final = {values.SIGNATURE: values.OUTPUT}


def with_outputs(value: Value) -> Value:
    """Return the value with outputs in the place of secrets and unknowns."""
    match value:
        case Secret():
            return {**OUTPUT, "value": with_outputs(value.value), "secret": True}
        case list():
            return [with_outputs(item) for item in value]
        case dict():
            return {key: with_outputs(item) for key, item in value.items()}
    return dict(OUTPUT) if value is UNKNOWN else value


def read(value: struct_pb2.Value, dependencies: set[str]) -> Value:
    """Read a value in which outputs stand. Add the dependencies of the outputs."""
    if value.HasField("list_value"):
        return [read(item, dependencies) for item in value.list_value.values]
    fields = value.struct_value.fields
    if values.SIGNATURE not in fields:
        if value.HasField("struct_value"):
            return {key: read(item, dependencies) for key, item in fields.items()}
        return values.from_wire_value(value)
    if fields[values.SIGNATURE].string_value != values.OUTPUT:
        return values.from_wire_value(value)
    if "dependencies" in fields:
        items = fields["dependencies"].list_value.values
        dependencies.update(item.string_value for item in items)
    inner = read(fields["value"], dependencies) if "value" in fields else UNKNOWN
    is_secret = "secret" in fields and fields["secret"].bool_value
    return Secret(inner) if is_secret and not isinstance(inner, Secret) else inner
