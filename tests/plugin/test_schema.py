"""The schema of the package `parallel` follows from the declarations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES, lifecycle_of
from parallel_provider.lifecycle.declare import secret_outputs
from parallel_provider.plugin.schema import SCHEMA_FILE, dynamic_token, package_schema, token
from parallel_provider.settings import CONFIG_KEYS

SCHEMA = package_schema()


def test_schema_file_is_what_the_declarations_say() -> None:
    """After a change of a declaration: `python -m parallel_provider.plugin.schema`."""
    assert json.loads(SCHEMA_FILE.read_text()) == SCHEMA


def test_schema_has_every_resource_function_and_setting() -> None:
    """The registry is the list."""
    assert set(SCHEMA["resources"]) == set(map(token, RESOURCES))
    assert set(SCHEMA["functions"]) == set(map(token, FUNCTIONS))
    assert set(SCHEMA["config"]["variables"]) == set(CONFIG_KEYS)
    assert set(SCHEMA["provider"]["inputProperties"]) == set(CONFIG_KEYS)


@pytest.mark.parametrize("kind", RESOURCES)
def test_secrets_of_each_resource_are_secret_in_the_schema(kind: str) -> None:
    """What is internal isn't there at all."""
    properties = SCHEMA["resources"][token(kind)]["properties"]
    secret = {name for name, each in properties.items() if each.get("secret")}
    declared = secret_outputs(lifecycle_of(kind).state_type)

    assert len(secret) == len(declared)
    assert "keySalt" not in properties
    assert "adoptionId" not in properties


@pytest.mark.parametrize(
    ("kind", "required", "replacing"),
    [
        ("App", [], {"appName"}),
        ("ApiKey", ["appId"], {"appId", "apiKeyName", "triggers"}),
        ("RotatingApiKey", ["appId", "rotateAfter"], {"appId", "apiKeyName"}),
        ("BalanceTopUp", ["amountCents"], set()),
    ],
)
def test_inputs_are_required_and_replace_as_declared(
    kind: str, required: list[str], replacing: set[str]
) -> None:
    """A name has a default: the resource's own name."""
    resource = SCHEMA["resources"][token(kind)]
    inputs = resource["inputProperties"]

    assert resource.get("requiredInputs", []) == required
    assert {name for name, each in inputs.items() if each.get("replaceOnChanges")} == replacing
    assert resource["aliases"] == [{"type": dynamic_token(kind)}]


def test_names_in_descriptions_are_in_camel_case() -> None:
    """A reader of the schema knows no other names."""

    def texts(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["description"]] if isinstance(value.get("description"), str) else []
            return own + [text for each in value.values() for text in texts(each)]
        return []

    found: list[Any] = texts(SCHEMA["resources"])
    assert any("`whenBelowCents`" in text for text in found)
    assert not any("_" in text.replace("PARALLEL_", "") for text in found)
