"""What is said of a resource or a function, in the schema and on its page: each text once."""

from __future__ import annotations

import inspect
from pathlib import Path

import parallel_provider as parallel
from parallel_provider.lifecycle import RESOURCES
from parallel_provider.plugin.schema import token
from parallel_provider.resources.functions import snake_case
from tools.documents.package import NAMES, with_names

EXAMPLES = Path(__file__).with_name("examples")
"""A complete program for each name and language. Tests run or compile all of them."""
LANGUAGES = {"typescript": "ts", "python": "py", "go": "go", "yaml": "yaml"}
"""The languages of the examples, and the suffixes of their files."""

_OWN_PACKAGE = "import parallel_provider as parallel"
_IMPORT_ID = {
    "App": "APP_ID",
    "ApiKey": "APP_ID/API_KEY_ID/API_KEY_NAME",
    "RotatingApiKey": "APP_ID/API_KEY_ID/API_KEY_NAME",
}


def about(name: str) -> tuple[str, str]:
    """Return what a resource or a function is, and its paths of the API, with names in Python."""
    documented = getattr(parallel, name if name in RESOURCES else snake_case(name))
    text, _, api = (inspect.getdoc(documented) or "").partition("\n\nAPI: ")
    return text, f"API: {api}" if api else ""


def example(name: str, language: str) -> str:
    """Return the example of a resource or a function in a language."""
    return with_names((EXAMPLES / f"{name}.{LANGUAGES[language]}").read_text()).strip()


def with_generated_package(program: str) -> str:
    """Return a Python program that uses the package that Pulumi generates.

    Its resources have the arguments and outputs of `parallel_provider`.
    """
    return program.replace(_OWN_PACKAGE, f"import {NAMES.python} as parallel")


def import_command(kind: str) -> str:
    """Return the command that imports a resource; "" if it can't be imported."""
    form = _IMPORT_ID.get(kind)
    return f"pulumi import {token(kind)} NAME {form}" if form else ""
