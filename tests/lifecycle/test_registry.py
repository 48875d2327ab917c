"""Everything that stands beside a declaration says the same: the program's class, the provider."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import typing
from pathlib import Path
from typing import Any

import pulumi
import pytest

import parallel_provider as parallel
from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of, lifecycle_of
from parallel_provider.lifecycle.declare import (
    input_defaulting_to_resource_name,
    public_outputs,
    secret_outputs,
)
from parallel_provider.resources._resource import ParallelResource
from parallel_provider.resources.functions import snake_case
from tools.documents.pages import page_of

_ROOT = Path(parallel.__file__).parents[1]
# As it is in the package, not as it would be made now.
SCHEMA = json.loads((_ROOT / "parallel_provider/plugin/schema.json").read_text())


def camel(name: str) -> str:
    """Return a name in camelCase."""
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def resource_class(kind: str) -> type[ParallelResource]:
    """Return the class that programs use."""
    found: type[ParallelResource] = getattr(parallel, kind)
    return found


def can_be_none(annotation: object) -> bool:
    """Return whether a type allows None."""
    return annotation is Any or type(None) in typing.get_args(annotation)


def test_registry_has_every_resource_and_function() -> None:
    """What programs can import, and nothing else."""
    names = set(parallel.__all__)
    classes = {n for n in names if isinstance(getattr(parallel, n), type)}
    resources = {name for name in classes if issubclass(getattr(parallel, name), pulumi.Resource)}
    functions = {name for name in names if name.startswith("get_") and not name.endswith("_output")}

    assert resources == set(RESOURCES)
    assert functions == {snake_case(name) for name in FUNCTIONS}


@pytest.mark.parametrize("kind", RESOURCES)
def test_arguments_are_the_declared_inputs(kind: str) -> None:
    """None is missing and none is left over; what is required is required in both."""
    inputs = lifecycle_of(kind).inputs_type
    declared, named = inputs.model_fields, input_defaulting_to_resource_name(inputs)
    arguments = dict(inspect.signature(resource_class(kind)).parameters)
    del arguments["resource_name"], arguments["opts"]

    assert arguments.keys() == declared.keys()
    for name, argument in arguments.items():
        default = argument.default
        # A name has no default in the declaration: it is the resource's own name.
        if name != named:
            assert (default is inspect.Parameter.empty) == declared[name].is_required(), name
            if default is not inspect.Parameter.empty:
                assert default == declared[name].default, name


@pytest.mark.parametrize("kind", RESOURCES)
def test_annotated_outputs_are_the_declared_outputs(kind: str) -> None:
    """With their types: what can be absent allows None."""
    state = lifecycle_of(kind).state_type
    outputs = inspect.get_annotations(resource_class(kind))

    assert set(outputs) == set(public_outputs(state))
    for name, annotation in outputs.items():
        [shown] = typing.get_args(annotation)
        assert can_be_none(shown) == can_be_none(state.model_fields[name].annotation), name


@pytest.mark.parametrize("kind", RESOURCES)
def test_class_says_what_the_declaration_says(kind: str) -> None:
    """Otherwise a secret would stand in the state as plain text, or a default name be missing."""
    lifecycle, resource = lifecycle_of(kind), resource_class(kind)

    assert set(resource._secret_outputs) == set(secret_outputs(lifecycle.state_type))
    assert resource._name_input == (input_defaulting_to_resource_name(lifecycle.inputs_type) or "")
    assert "org_id" in lifecycle.state_type.model_fields
    assert "org_id" not in lifecycle.inputs_type.model_fields


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_the_arguments_of_its_declaration(name: str) -> None:
    """In both forms, plain and with outputs."""
    snake = snake_case(name)
    for form in (snake, f"{snake}_output"):
        arguments = inspect.signature(getattr(parallel, form)).parameters
        assert set(arguments) == set(function_of(name).inputs_type.model_fields)


def test_result_classes_are_plain_dataclasses() -> None:
    """Programs compare, print and copy them."""
    for name in ("GetAppResult", "GetAppsResult", "GetBalanceResult"):
        assert dataclasses.is_dataclass(getattr(parallel, name))


@pytest.mark.parametrize("kind", RESOURCES)
def test_schema_has_the_inputs_and_outputs_of_each_resource(kind: str) -> None:
    """In camelCase, and with what is required and secret."""
    declared = SCHEMA["resources"][f"parallel:index:{kind}"]
    lifecycle = lifecycle_of(kind)
    inputs = lifecycle.inputs_type.model_fields
    named = input_defaulting_to_resource_name(lifecycle.inputs_type) or ""
    outputs = public_outputs(lifecycle.state_type)
    required = {camel(name) for name, field in inputs.items() if field.is_required()}
    secrets = {n for n, each in declared["properties"].items() if each.get("secret")}

    assert set(declared["inputProperties"]) == {camel(name) for name in inputs}
    assert set(declared["properties"]) == {camel(name) for name in outputs}
    # A name has no default in the declaration: it is the resource's own name.
    assert set(declared.get("requiredInputs", ())) == required - {camel(named)}
    assert secrets == {camel(n) for n in secret_outputs(lifecycle.state_type) if n in outputs}


def test_schema_has_every_resource_and_function() -> None:
    """And nothing else."""
    assert {token.rpartition(":")[2] for token in SCHEMA["resources"]} == set(RESOURCES)
    assert {token.rpartition(":")[2] for token in SCHEMA["functions"]} == set(FUNCTIONS)


@pytest.mark.parametrize("kind", RESOURCES)
def test_page_has_every_input_and_output(kind: str) -> None:
    """By the names in Python."""
    lifecycle = lifecycle_of(kind)
    page = page_of(kind).read_text()
    names = {*lifecycle.inputs_type.model_fields, *public_outputs(lifecycle.state_type)}

    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


def test_policies_name_inputs_that_exist() -> None:
    """A policy about an input that was renamed would never find anything."""
    tree = ast.parse((_ROOT / "policy/parallel_rules.py").read_text())
    texts = {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "input"
        and isinstance(node.args[0], ast.Constant)
    }
    kinds = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if re.fullmatch(r"([A-Z][a-z]+)+", node.value)
    }
    inputs = {name for kind in RESOURCES for name in lifecycle_of(kind).inputs_type.model_fields}

    assert kinds == set(RESOURCES), "policy/parallel_rules.py has no rule for a kind"
    assert {"rotate_after", "keep_raw_api_key", "monthly_limit_cents"} <= texts
    assert texts <= {*inputs, "access_token"}
