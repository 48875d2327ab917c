"""Everything that stands beside a declaration says the same: the program's class, the provider."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.dynamic import Resource

import parallel_provider as parallel
from parallel_provider import dynamic
from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, function_of, lifecycle_of
from parallel_provider.lifecycle.declarations import public_outputs, secret_outputs
from parallel_provider.resources import _properties


def resource_class(kind: str) -> type[Resource]:
    """Return the class that programs use."""
    found: type[Resource] = getattr(parallel, kind)
    return found


def can_be_none(annotation: object) -> bool:
    """Return whether a type allows None."""
    return annotation is Any or type(None) in typing.get_args(annotation)


@pytest.mark.parametrize("kind", RESOURCES)
def test_provider_and_class_of_each_resource_exist(kind: str) -> None:
    """One name in every layer."""
    assert getattr(dynamic, f"{kind}Provider").kind == kind == lifecycle_of(kind).kind
    assert resource_class(kind).__name__ == kind


def test_registry_has_every_resource_and_function() -> None:
    """What programs can import, and nothing else."""
    names = set(parallel.__all__)
    classes = {n for n in names if isinstance(getattr(parallel, n), type)}
    resources = {name for name in classes if issubclass(getattr(parallel, name), pulumi.Resource)}
    functions = {name for name in names if name.startswith("get_") and not name.endswith("_output")}

    assert resources == set(RESOURCES)
    assert functions == {_properties.snake_case(name) for name in FUNCTIONS}


@pytest.mark.parametrize("kind", RESOURCES)
def test_arguments_are_the_declared_inputs(kind: str) -> None:
    """None is missing and none is left over; what is required is required in both."""
    declared = lifecycle_of(kind).inputs_type.model_fields
    arguments = dict(inspect.signature(resource_class(kind)).parameters)
    del arguments["resource_name"], arguments["opts"]

    assert arguments.keys() == declared.keys()
    for name, argument in arguments.items():
        default = argument.default
        # A name has no default in the declaration: it is the resource's own name.
        if name not in ("app_name", "api_key_name"):
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
def test_secret_outputs_are_the_declared_ones(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a secret would stand in the state as plain text."""
    seen: list[pulumi.ResourceOptions | None] = []

    def init(*arguments: Any) -> None:  # noqa: ANN401 - as the SDK's own
        seen.append(arguments[4])

    cls: Any = resource_class(kind)
    inputs = lifecycle_of(kind).inputs_type.model_fields
    arguments = {
        name: "text"
        for name, each in inspect.signature(cls).parameters.items()
        if each.default is inspect.Parameter.empty and name in inputs
    }
    monkeypatch.setattr(Resource, "__init__", init)
    module = inspect.getmodule(cls)
    monkeypatch.setattr(module, "none_where_absent", lambda *_, **__: None, raising=False)

    cls("name", **arguments)

    [opts] = seen
    secrets = (opts.additional_secret_outputs if opts is not None else None) or []
    assert set(secrets) == set(secret_outputs(lifecycle_of(kind).state_type))


@pytest.mark.parametrize("kind", RESOURCES)
def test_every_declared_field_has_a_description(kind: str) -> None:
    """A schema and its documents are made of them."""
    lifecycle = lifecycle_of(kind)
    for model in (lifecycle.inputs_type, lifecycle.state_type):
        schema = model.model_json_schema(mode="validation")
        for name, field in schema["properties"].items():
            assert field["description"].endswith("."), (model.__name__, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_the_arguments_of_its_declaration(name: str) -> None:
    """In both forms, plain and with outputs."""
    snake = _properties.snake_case(name)
    for form in (snake, f"{snake}_output"):
        arguments = inspect.signature(getattr(parallel, form)).parameters
        assert set(arguments) == set(function_of(name).inputs_type.model_fields)


def test_result_classes_are_plain_dataclasses() -> None:
    """Programs compare, print and copy them."""
    for name in ("GetAppResult", "GetAppsResult", "GetBalanceResult"):
        assert dataclasses.is_dataclass(getattr(parallel, name))


def test_each_resource_has_one_basename_in_every_layer() -> None:
    """So that any file can be guessed from another."""
    package = Path(parallel.__file__).parent
    for module in RESOURCES.values():
        for layer in ("lifecycle", "resources"):
            assert (package / layer / f"{module}.py").exists()
