"""What the declarations say, as rows of tables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel

from parallel_provider.lifecycle import FUNCTIONS, function_of, lifecycle_of
from parallel_provider.lifecycle.declare import (
    change_effects,
    input_defaulting_to_resource_name,
    public_outputs,
    secret_outputs,
)
from parallel_provider.model import Model
from parallel_provider.plugin.schema import token
from tools.documents.schema import default_text, package_schema

_SCHEMA = package_schema()


class Row(NamedTuple):
    """An input or an output. `effect` is what a change of an input does."""

    name: str
    type: str
    description: str
    effect: str = ""
    is_required: bool = False
    is_secret: bool = False
    can_be_absent: bool = False

    @property
    def names(self) -> str:
        """The name in Python, and the name in the other languages if it is another one."""
        camel = to_camel(self.name)
        return f"`{self.name}`" if camel == self.name else f"`{self.name}`, `{camel}`"


def inputs_of(kind: str) -> list[Row]:
    """Return the inputs of a resource. Those that are required come first."""
    declared = lifecycle_of(kind).inputs_type
    schema = _SCHEMA["resources"][token(kind)]
    effects, named = change_effects(declared), input_defaulting_to_resource_name(declared)
    rows = []
    for name, field in declared.model_fields.items():
        required = to_camel(name) in schema.get("requiredInputs", ())
        rows.append(
            Row(
                name,
                _type(schema["inputProperties"][to_camel(name)]),
                f"{field.description}{default_text(field.default, is_name=name == named)}",
                effects.get(name, ""),
                is_required=required,
            )
        )
    return sorted(rows, key=lambda row: not row.is_required)


def outputs_of(kind: str) -> list[Row]:
    """Return the outputs of a resource."""
    declared = lifecycle_of(kind).state_type
    schema = _SCHEMA["resources"][token(kind)]
    secrets = secret_outputs(declared)
    names = public_outputs(declared)
    return list(
        _outputs(declared, names, schema["properties"], schema.get("required", ()), secrets)
    )


def arguments_of(function: str) -> list[Row]:
    """Return the arguments of a function."""
    declared = function_of(function).inputs_type
    properties = _SCHEMA["functions"][token(function)].get("inputs", {}).get("properties", {})
    return [
        Row(name, _type(properties[to_camel(name)]), field.description or "")
        for name, field in declared.model_fields.items()
    ]


def results_of(function: str) -> list[Row]:
    """Return the fields of a function's result."""
    declared = function_of(function).result_type
    outputs = _SCHEMA["functions"][token(function)]["outputs"]
    names = tuple(declared.model_fields)
    return list(_outputs(declared, names, outputs["properties"], outputs.get("required", ()), ()))


def item_fields(function: str) -> list[Row]:
    """Return the fields of the items of a function's list, if its result has one."""
    for each in _SCHEMA["functions"][token(function)]["outputs"]["properties"].values():
        reference = each.get("items", {}).get("$ref")
        if reference:
            return _fields_of_type(reference.removeprefix("#/types/"))
    return []


def _fields_of_type(name: str) -> list[Row]:
    for function in FUNCTIONS:
        declared = function_of(function).result_type
        if token(declared.__name__) == name:
            return results_of(function)
    raise KeyError(name)


def _outputs(
    declared: type[Model],
    names: Collection[str],
    properties: Mapping[str, Any],
    required: Collection[str],
    secrets: Collection[str],
) -> Iterator[Row]:
    for name in names:
        yield Row(
            name,
            _type(properties[to_camel(name)]),
            declared.model_fields[name].description or "",
            is_secret=name in secrets,
            can_be_absent=to_camel(name) not in required,
        )


def _type(schema: Mapping[str, Any]) -> str:
    reference = schema.get("$ref", "")
    if reference == "pulumi.json#/Any":
        return "any"
    if reference:
        return f"`{reference.rpartition(':')[2]}`"
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema["type"])
