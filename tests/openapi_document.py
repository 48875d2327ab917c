"""The API's OpenAPI file, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]

DESCRIPTION = Path(__file__).parent / "account-api.openapi.json"

# The OpenAPI file doesn't list how each operation may refuse.
REFUSALS = {
    "GET balance": [401, 403],
    "POST balance/add": [400, 401, 402, 403, 409],
    "GET apps": [401, 403],
    "POST apps": [400, 401, 403],
    "DELETE apps/{app_id}": [401, 403, 404],
    "POST apps/{app_id}/keys": [400, 401, 403, 404],
    "DELETE apps/{app_id}/keys/{api_key_id}": [401, 403, 404],
}
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
        operation["responses"] |= {str(status): _REFUSAL for status in REFUSALS[name]}
    # A raw key is required in an answer, but also write-only, so absent from every answer.
    for schema in description["components"]["schemas"].values():
        for each in schema.get("properties", {}).values():
            each.pop("writeOnly", None)
    return description
