"""The schema of the Pulumi package `parallel`, made from the declarations.

The fields are those of Pulumi's package schema:
https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of, lifecycle_of
from parallel_provider.lifecycle.declare import (
    Declared,
    change_effects,
    input_defaulting_to_resource_name,
    public_outputs,
    replacing_inputs,
    secret_outputs,
)
from parallel_provider.model import Model
from parallel_provider.settings import SETTINGS, Setting
from parallel_provider.version import __version__

PACKAGE = "parallel"
SCHEMA_FILE = Path(__file__).with_name("schema.json")
"""The schema as it was made last. `python -m parallel_provider.plugin.schema` makes it anew."""

_NAME = re.compile(r"(?<=`)[a-z]+(?:_[a-z]+)+(?=`)")
_DEFINITIONS = "#/$defs/"


def in_camel_case(text: str) -> str:
    """Return a text in which the names of inputs and outputs are in camelCase."""
    return _NAME.sub(lambda match: to_camel(match[0]), text)


def token(name: str) -> str:
    """Return the token of a resource, a function or a type, such as "parallel:index:App"."""
    return f"{PACKAGE}:index:{name}"


def dynamic_token(kind: str) -> str:
    """Return the type of a resource of the dynamic provider. States of Python programs have it."""
    return f"pulumi-python:dynamic/{PACKAGE}:{kind}"


def package_schema() -> dict[str, Any]:
    """Return the schema as a JSON-like dict."""
    types: dict[str, Any] = {}
    return {
        "name": PACKAGE,
        "displayName": "Parallel",
        "version": __version__,
        "description": "Parallel apps, API keys and prepaid balance.",
        "keywords": ["pulumi", "parallel", "api-keys", "category/infrastructure"],
        "license": "Apache-2.0",
        "language": {
            "nodejs": {"packageName": "pulumi-parallel"},
            "python": {"packageName": "pulumi_parallel", "pyproject": {"enabled": True}},
            "go": {"generateResourceContainerTypes": True},
        },
        "config": {"variables": _settings()},
        "provider": {
            "description": "Settings of this provider. The environment comes after them. Of the "
            "stack's configuration, only `orgId` and `maxTopUpCents` count besides them: the "
            "strictest value of each counts.",
            "inputProperties": _settings(),
        },
        "resources": {token(kind): _resource(kind, types) for kind in RESOURCES},
        "functions": {token(name): _function(name, types) for name in FUNCTIONS},
        "types": types,
    }


def _settings() -> dict[str, Any]:
    return {each.key: _setting(each) for each in SETTINGS if each.key}


def _setting(setting: Setting) -> dict[str, Any]:
    text = setting.text
    declared: dict[str, Any] = {
        "type": "integer" if setting.kind in ("cents", "seconds") else "string",
        "description": f"{text[0].upper()}{text[1:]}.",
    }
    return declared | ({"secret": True} if setting.kind == "secret" else {})


def _resource(kind: str, types: dict[str, Any]) -> dict[str, Any]:
    lifecycle = lifecycle_of(kind)
    inputs, state = lifecycle.inputs_type, lifecycle.state_type
    replacing = {to_camel(name) for name in replacing_inputs(inputs)}
    secrets = {to_camel(name) for name in secret_outputs(state)}
    shown = {to_camel(name) for name in public_outputs(state)}
    input_properties = _properties(inputs, types)
    output_properties = {n: p for n, p in _properties(state, types).items() if n in shown}
    for name, each in (*input_properties.items(), *output_properties.items()):
        if name in replacing:
            each["replaceOnChanges"] = True
        if name in secrets:
            each["secret"] = True
    for name, effect in change_effects(inputs).items():
        each = input_properties[to_camel(name)]
        each["description"] += in_camel_case(f" A change {effect}.")
    optional = input_defaulting_to_resource_name(inputs)
    required = _required(inputs) - {to_camel(optional or "")}
    always = {to_camel(n) for n in public_outputs(state) if not _can_be_none(state, n)}
    # An empty list would be missing from `pulumi package get-schema`.
    required_inputs = {"requiredInputs": sorted(required)} if required else {}
    return {
        "description": in_camel_case(inspect.cleandoc(type(lifecycle).__doc__ or "")),
        "inputProperties": input_properties,
        **required_inputs,
        "properties": output_properties,
        "required": sorted(always),
        "aliases": [{"type": dynamic_token(kind)}],
    }


def _function(name: str, types: dict[str, Any]) -> dict[str, Any]:
    function = function_of(name)
    properties = _properties(function.inputs_type, types)
    outputs = _properties(function.result_type, types)
    schema: dict[str, Any] = {
        "description": inspect.cleandoc(function.call.__doc__ or ""),
        "outputs": {"type": "object", "properties": outputs, "required": sorted(outputs)},
    }
    if properties:
        schema["inputs"] = {"type": "object", "properties": properties}
    return schema


def _properties(model: type[Model], types: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a model; add the types that they refer to."""
    schema = model.model_json_schema(by_alias=False)
    _add_types(schema.get("$defs", {}), types)
    return _translated(schema.get("properties", {}))


def _add_types(definitions: Mapping[str, Any], types: dict[str, Any]) -> None:
    for name, definition in definitions.items():
        types[token(name)] = {
            "type": "object",
            "description": in_camel_case(definition.get("description", "")),
            "properties": _translated(definition["properties"]),
            "required": sorted(map(to_camel, definition.get("required", ()))),
        }


def _translated(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {to_camel(name): _property(field) for name, field in fields.items()}


def _property(field: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a JSON schema of pydantic's to a property of Pulumi's."""
    description = in_camel_case(field.get("description", ""))
    found = _type(field)
    return {"description": description, **found} if description else found


def _type(field: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in field:
        name = field["$ref"].removeprefix(_DEFINITIONS)
        return {"type": "object", "$ref": f"#/types/{token(name)}"}
    alternatives = [part for part in field.get("anyOf", ()) if part.get("type") != "null"]
    if alternatives:
        [only] = alternatives
        return _type(only)
    if "type" not in field:
        return {"$ref": "pulumi.json#/Any"}
    if field["type"] == "array":
        return {"type": "array", "items": _type(field["items"])}
    return {"type": field["type"]}


def _required(model: type[Declared]) -> set[str]:
    return {to_camel(n) for n, field in model.model_fields.items() if field.is_required()}


def _can_be_none(model: type[Declared], name: str) -> bool:
    return model.model_fields[name].default is None and not model.model_fields[name].is_required()


if __name__ == "__main__":
    SCHEMA_FILE.write_text(json.dumps(package_schema(), indent=2) + "\n")
