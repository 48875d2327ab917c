"""The API's OpenAPI file, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

DESCRIPTION = Path(__file__).parent / "account-api.openapi.json"

_REFUSAL = {
    "description": "Refused",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {"detail": {"type": "string"}},
                "required": ["detail"],
            }
        }
    },
}


def described() -> Json:
    """Return the API's OpenAPI file."""
    return dict(json.loads(DESCRIPTION.read_text()))


def operations(description: Json) -> dict[str, Json]:
    """Return the operations by method and short path, such as "GET apps"."""
    return {
        f"{method.upper()} {path.removeprefix('/service/v1/')}": operation
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def completed() -> Json:
    """Return the description with the refusals, and without a contradiction."""
    description = described()
    for name, operation in operations(description).items():
        operation["responses"] |= {str(status): _REFUSAL for status in _refusals(name)}
    # A raw key is required in an answer, but also write-only, so absent from every answer.
    for schema in description["components"]["schemas"].values():
        for each in schema.get("properties", {}).values():
            each.pop("writeOnly", None)
    return description


def _refusals(name: str) -> list[int]:
    """Return how an operation may refuse, which the file doesn't say."""
    of_changes = [400] if name.startswith("POST") else []
    of_charges = [402, 409] if name == "POST balance/add" else []
    of_apps = [404] if "{app_id}" in name else []
    return [401, 403, *of_changes, *of_charges, *of_apps]
