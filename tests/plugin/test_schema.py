"""The schema of the package `parallel` follows from the declarations."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from parallel_provider.lifecycle import FUNCTIONS, RESOURCES
from parallel_provider.plugin.schema import SCHEMA_FILE, dynamic_token, token
from tools.documents.package import NAMES, Names, with_names
from tools.documents.schema import package_schema
from tools.documents.texts import LANGUAGES, example
from tools.release.project import repository

SCHEMA = package_schema()
IMPORTED = ("App", "ApiKey", "RotatingApiKey")


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


def texts(value: object) -> list[str]:
    """Return all descriptions, without their examples."""
    if not isinstance(value, dict):
        return []
    own = value.get("description")
    shown = [re.sub(r"```.*?```", "", own, flags=re.DOTALL)] if isinstance(own, str) else []
    return shown + [text for each in value.values() for text in texts(each)]


def wrong_words(text: str) -> list[str]:
    """Return the names in snake_case and the words of Python in a text."""
    return re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\b(?:True|False|None)\b", text)


def test_names_in_descriptions_are_in_camel_case() -> None:
    """A reader of the schema knows no other names. A token command prints JSON with names."""
    found = texts(SCHEMA)
    assert any("`whenBelowCents`" in text for text in found)
    assert {word for text in found for word in wrong_words(text)} == {"access_token", "expires_at"}
    assert wrong_words("`app_name`, or True if `appId`") == ["app_name", "True"]


@pytest.mark.parametrize("name", [*RESOURCES, *FUNCTIONS])
def test_description_has_an_example_in_each_language(name: str) -> None:
    """In the form in which Pulumi shows the reader's language only.

    For a language without an example, such as Java, Pulumi leaves out what is in the example, with
    its heading.
    """
    section = "resources" if name in RESOURCES else "functions"
    description = SCHEMA[section][token(name)]["description"]
    before, _, rest = description.partition("{{% example %}}")
    examples = rest.partition("{{% /example %}}")[0]
    assert before.endswith("\n\n{{% examples %}}\n\n")
    assert examples.startswith("\n\n## Example Usage\n\n")
    assert re.findall(r"^```(\w+)$", examples, re.MULTILINE) == list(LANGUAGES)
    for language in ("typescript", "go", "yaml"):
        assert f"```{language}\n{example(name, language)}\n```" in examples
    assert f"import {NAMES.python} as parallel" in examples
    assert ("pulumi import parallel:index:" in description) == (name in IMPORTED)


def test_defaults_are_those_of_the_declarations() -> None:
    """An SDK sends them. A setting of a provider has none: the environment comes after it."""
    found = {
        (kind, name): each["default"]
        for kind in RESOURCES
        for name, each in SCHEMA["resources"][token(kind)]["inputProperties"].items()
        if "default" in each
    }
    assert found == {
        ("App", "adoptExisting"): False,
        ("ApiKey", "keepRawApiKey"): True,
        ("RotatingApiKey", "keepRawApiKey"): True,
        ("RotatingApiKey", "overlap"): "1d",
    }
    assert not any("default" in each for each in SCHEMA["config"]["variables"].values())


def test_every_field_has_a_description() -> None:
    """Of inputs, outputs, types, functions and settings."""

    def fields(value: object) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            return []
        keys = ("properties", "inputProperties", "variables")
        own = [pair for key in keys for pair in value.get(key, {}).items()]
        return own + [pair for each in value.values() for pair in fields(each)]

    found = fields(SCHEMA)
    assert len(found) > 80
    assert [name for name, field in found if not field.get("description")] == []


def test_names_follow_from_the_repository() -> None:
    """Its address is in `[project.urls]` alone. All languages get names below its owner."""
    names = Names("https://github.com/Acme-Inc/keys")
    assert SCHEMA["repository"] == SCHEMA["homepage"] == repository()
    assert SCHEMA["namespace"] == SCHEMA["publisher"] == NAMES.owner
    assert SCHEMA["pluginDownloadURL"] == NAMES.download_url
    assert names.owner == "acme-inc"
    assert names.download_url == "github://api.github.com/Acme-Inc/keys"
    assert (names.node, names.python) == ("@acme-inc/parallel", "acme_inc_parallel")
    assert names.go == "github.com/Acme-Inc/keys/sdk/go/parallel"
    assert (names.csharp_namespace, names.java_package) == ("AcmeInc", "io.github.acme_inc")
    with pytest.raises(ValueError, match="isn't a repository on GitHub"):
        _ = Names("https://example.com/a/b").download_url


def test_programs_and_documents_get_the_names() -> None:
    """Other names stay."""
    names = Names("https://github.com/Acme-Inc/keys")
    program = (
        'import * as parallel from "@your-org/parallel"; import "@pulumi/pulumi";\n'
        "import your_org_parallel as parallel\n"
        '"github.com/your-org/parallel-provider/sdk/go/parallel" "github.com/pulumi/pulumi/sdk"\n'
    )
    assert with_names(program, names) == (
        'import * as parallel from "@acme-inc/parallel"; import "@pulumi/pulumi";\n'
        "import acme_inc_parallel as parallel\n"
        '"github.com/Acme-Inc/keys/sdk/go/parallel" "github.com/pulumi/pulumi/sdk"\n'
    )
    assert with_names(program) == program or NAMES.owner != "your-org"
