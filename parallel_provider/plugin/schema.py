"""The schema of the Pulumi package `parallel`, and the tokens in it.

`python -m tools.documents` makes it from the declarations. It is a file, so that the plugin sends
it as it is.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = "parallel"
SCHEMA_FILE = Path(__file__).with_name("schema.json")


def token(name: str) -> str:
    """Return the token of a resource, a function or a type, such as "parallel:index:App"."""
    return f"{PACKAGE}:index:{name}"


def dynamic_token(kind: str) -> str:
    """Return the type of a resource of the dynamic provider. States of Python programs have it."""
    return f"pulumi-python:dynamic/{PACKAGE}:{kind}"
