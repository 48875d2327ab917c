"""The schema of the package `parallel` follows from the declarations."""

from __future__ import annotations

import json
from typing import Any

import pytest

from parallel_provider.plugin.schema import SCHEMA_FILE, dynamic_token, token
from tools.documents.schema import package_schema

SCHEMA = package_schema()


def test_schema_file_is_what_the_declarations_say() -> None:
    """After a change of a declaration: `make docs`."""
    assert json.loads(SCHEMA_FILE.read_text()) == SCHEMA, "the schema is old: run `make docs`"


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
