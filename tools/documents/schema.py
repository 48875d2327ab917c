"""The schema of the Pulumi package `parallel`, made from the declarations.

The fields are those of Pulumi's package schema:
https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
"""

from __future__ import annotations

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
from parallel_provider.plugin.schema import PACKAGE, dynamic_token, token
from parallel_provider.settings import SETTINGS, Setting
from parallel_provider.version import __version__
from tools.documents.markdown import code
from tools.documents.package import NAMES
from tools.documents.texts import (
    LANGUAGES,
    about,
    example,
    import_command,
    with_generated_package,
)

_README = Path(__file__).with_name("sdk") / "template.md"
_NAME = re.compile(r"(?<=`)[a-z]+(?:_[a-z]+)+(?=`)")
_DEFINITIONS = "#/$defs/"


def in_camel_case(text: str) -> str:
    """Return a text in which the names of inputs and outputs are in camelCase."""
    return _NAME.sub(lambda match: to_camel(match[0]), text)


def schema_text() -> str:
    """Return the text of the file of the schema."""
    return json.dumps(package_schema(), indent=2) + "\n"


def package_schema() -> dict[str, Any]:
    """Return the schema as a JSON-like dict."""
    types: dict[str, Any] = {}
    return {
        "name": PACKAGE,
        "displayName": "Parallel",
        "namespace": NAMES.owner,
        "version": __version__,
        "description": "Parallel apps, API keys and prepaid balance.",
        "keywords": ["pulumi", "parallel", "api-keys", "category/infrastructure", "kind/native"],
        "homepage": NAMES.repository,
        "license": "Apache-2.0",
        "repository": NAMES.repository,
        "publisher": NAMES.owner,
        "pluginDownloadURL": NAMES.download_url,
        "language": _languages(),
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


def _languages() -> dict[str, Any]:
    """Return what is special in each language. The packages have the version of the schema.

    The names are those that Pulumi makes of the namespace. `pulumi convert` makes other ones for
    Python if they aren't here.
    """
    return {
        "nodejs": {
            "packageName": NAMES.node,
            "respectSchemaVersion": True,
            "readme": _readme("typescript"),
        },
        "python": {
            "packageName": NAMES.python,
            "respectSchemaVersion": True,
            "pyproject": {"enabled": True},
            "readme": _readme("python"),
        },
        "go": {
            "respectSchemaVersion": True,
            "importBasePath": NAMES.go,
            "generateResourceContainerTypes": True,
        },
        "csharp": {"respectSchemaVersion": True, "rootNamespace": NAMES.csharp_namespace},
        "java": {"basePackage": NAMES.java_package, "buildFiles": "gradle"},
    }


def _readme(language: str) -> str:
    shown = code(language, _program("RotatingApiKey", language))
    text = _README.read_text().replace("REPOSITORY", NAMES.repository)
    return text.replace("EXAMPLE", shown)


def _program(name: str, language: str) -> str:
    program = example(name, language)
    return with_generated_package(program) if language == "python" else program


def _description(name: str) -> str:
    """Return what it is, with examples. Pulumi shows those of the reader's language only.

    The heading is a part of the example: an SDK in a language without one has neither.
    """
    programs = [code(language, _program(name, language)) for language in LANGUAGES]
    parts = [
        in_camel_case(about(name)[0]),
        "{{% examples %}}",
        "{{% example %}}",
        "## Example Usage",
        *programs,
        "{{% /example %}}",
        "{{% /examples %}}",
    ]
    command = import_command(name)
    if command:
        parts += ["## Import", code("sh", command)]
    return "\n\n".join(parts)


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
    effects, optional = change_effects(inputs), input_defaulting_to_resource_name(inputs)
    for name, field in inputs.model_fields.items():
        each = input_properties[to_camel(name)]
        each["description"] += default_text(field.default, is_name=name == optional)
        if name in effects:
            each["description"] += in_camel_case(f" A change {effects[name]}.")
        if _is_scalar(field.default):
            each["default"] = field.default
    required = _required(inputs) - {to_camel(optional or "")}
    always = {to_camel(n) for n in public_outputs(state) if not _can_be_none(state, n)}
    # An empty list would be missing from `pulumi package get-schema`.
    required_inputs = {"requiredInputs": sorted(required)} if required else {}
    return {
        "description": _description(kind),
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
        "description": _description(name),
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


def default_text(default: object, *, is_name: bool) -> str:
    """Return what is said of an input's default: a sentence, or "" if there is none."""
    if is_name:
        return (
            " Default: the resource's name. A name stays until the program gives another one, or "
            "the resource is replaced."
        )
    return f" Default: {json.dumps(default)}." if _is_scalar(default) else ""


def _is_scalar(default: object) -> bool:
    return isinstance(default, str | bool | int)


def _can_be_none(model: type[Declared], name: str) -> bool:
    return model.model_fields[name].default is None and not model.model_fields[name].is_required()
